// Runs a program as a user does, for tests: its exit code and what it printed.
#ifndef DRAFTP_TOOLS_PROGRAM_H_
#define DRAFTP_TOOLS_PROGRAM_H_

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "draftp/io/test_files.h"

namespace draftp::testing {

// A started program. What it prints goes to files of `folder`, which must outlive it.
class Program {
 public:
  Program(const TemporaryFolder& folder, std::vector<std::string> command)
      : out_(folder / "stdout"), error_(folder / "stderr") {
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (const auto& [descriptor, path] : {std::pair(1, &out_), std::pair(2, &error_)}) {
      posix_spawn_file_actions_addopen(&actions, descriptor, path->c_str(),
                                       O_WRONLY | O_CREAT | O_TRUNC, 0644);
    }
    if (posix_spawn(&process_, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) {
      ADD_FAILURE() << "can't start " << arguments[0];
      process_ = -1;
    }
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Program() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    Wait();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Exit code, or 128 + signal; what it printed is whole from then on.
  int Wait() {
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  pid_t process() const { return process_; }
  std::string out() const { return Contents(out_); }
  std::string error() const { return Contents(error_); }

 private:
  pid_t process_ = -1;
  std::string out_, error_;
};

}  // namespace draftp::testing

#endif  // DRAFTP_TOOLS_PROGRAM_H_
