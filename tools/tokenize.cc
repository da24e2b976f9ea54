// bazel run //tools:tokenize -- --tokenizer DIR --prompts FILE: prints token ids, a line a caption.
#include <unistd.h>

#include <iostream>

#include "draftp/config/config_path.h"
#include "tools/tokenize_tool.h"

int main(int argc, char** argv) {
  // `bazel run` starts elsewhere; relative paths mean the folder in which the user typed the
  // command.
  const auto folder = draftp::UserFolder();
  if (!folder.ok() || chdir(folder->c_str()) != 0) {
    std::cerr << "tokenize: "
              << (folder.ok() ? *folder + ": can't enter the folder"
                              : std::string(folder.status().message()))
              << '\n';
    return 1;
  }
  return draftp::TokenizeMain(argc, argv, std::cout, std::cerr);
}
