// Runs a program through a shell, which sets what a spawn can't: folder, limits, signals, a pipe.
#ifndef DRAFTP_TOOLS_SHELL_RUN_H_
#define DRAFTP_TOOLS_SHELL_RUN_H_

#include <filesystem>
#include <string>
#include <vector>

#include "tools/program.h"

namespace draftp::testing {

// `script` of a shell, with the program as $0 and its arguments as $@.
inline std::vector<std::string> Shell(const std::string& script, const std::string& program,
                                      const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"/bin/sh", "-c", script,
                                    std::filesystem::absolute(program).string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

// How it ended: its exit code, or 128 + signal, and what it printed.
struct Ended {
  int code;
  std::string out, error;
};

inline Ended RunAsUser(const std::string& script, const std::string& program,
                       const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  Program started(folder, Shell(script, program, arguments));
  const int code = started.Wait();
  return {code, started.out(), started.error()};
}

inline Ended RunAsUser(const std::string& program, const std::vector<std::string>& arguments) {
  return RunAsUser("exec \"$0\" \"$@\"", program, arguments);
}

}  // namespace draftp::testing

#endif  // DRAFTP_TOOLS_SHELL_RUN_H_
