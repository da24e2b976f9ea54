// bazel run //tools:tokenize -- --tokenizer DIR --prompts FILE: prints token ids, a line a caption.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "draftp/text/tokenize_tool.h"

int main(int argc, char** argv) {
  // `bazel run` starts elsewhere; relative paths mean the folder in which the user typed the
  // command.
  const char* const typed_in = std::getenv("BUILD_WORKING_DIRECTORY");
  if (typed_in != nullptr && chdir(typed_in) != 0) {
    std::cerr << "tokenize: " << typed_in << ": can't enter the folder, expected it to be there\n";
    return 1;
  }
  return draftp::TokenizeMain(argc, argv, std::cout, std::cerr);
}
