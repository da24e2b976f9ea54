// What the mains of the programs share: how they begin, are stopped and end.
#ifndef DRAFTP_RUN_RUN_PROGRAM_H_
#define DRAFTP_RUN_RUN_PROGRAM_H_

#include <absl/status/status.h>

#include <functional>
#include <string>

namespace draftp {

// Runs `body` under an InterruptWatcher and reports its status (exit_code.h). `on_signal` as there.
// The exit code: that of Report; 128 + signal where one of those that stop a program came and the
// body's status is OK. docs/errors.md has the table.
int RunProgram(const std::string& name, std::function<bool(int signal)> on_signal,
               const std::function<absl::Status()>& body);

// Writes a line to standard error from any thread; what can't be written is dropped.
void SayLine(const std::string& line);

}  // namespace draftp

#endif  // DRAFTP_RUN_RUN_PROGRAM_H_
