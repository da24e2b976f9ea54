// How programs end: code 0, 2 for a command that can't be carried out as typed, 1 for anything else
// that went wrong.
#ifndef DRAFTP_RUN_EXIT_CODE_H_
#define DRAFTP_RUN_EXIT_CODE_H_

#include <absl/status/status.h>
#include <c10/util/Exception.h>

#include <exception>
#include <functional>
#include <string>

namespace draftp {

// 0 for OK; 2 for InvalidArgument, after one line `program: message`; 1 for any other error,
// likewise. An error without a message is told by another process of the run.
int Report(const std::string& program, const absl::Status& status);

// A damaged file isn't a mistyped command: the same error, InvalidArgument made DataLoss (code 1).
absl::Status AsFailure(const absl::Status& status);

// That a GPU's memory didn't suffice: what was needed, and `advice` behind it.
absl::Status OutOfGpuMemory(const c10::OutOfMemoryError& error, const std::string& advice = "");

// Runs `body` and reports its status. What it throws ends in one line and code 1: LibTorch's
// errors, a limit of memory, threads or descriptors by its name; so does standard output that can't
// be written (a reader that has gone is no error).
int RunReporting(const std::string& program, const std::function<absl::Status()>& body);

}  // namespace draftp

#endif  // DRAFTP_RUN_EXIT_CODE_H_
