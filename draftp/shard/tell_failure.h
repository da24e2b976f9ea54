// How a process says why it ends itself, and tells torchrun.
#ifndef DRAFTP_SHARD_TELL_FAILURE_H_
#define DRAFTP_SHARD_TELL_FAILURE_H_

#include <string>

namespace draftp {

// `program: line` on standard error, and the error file.
void TellFailure(const std::string& program, const std::string& line);

// Writes TORCHELASTIC_ERROR_FILE, where it is set: torchrun shows its message as the root cause.
// What can't be written is dropped.
void WriteErrorFile(const std::string& message);

}  // namespace draftp

#endif  // DRAFTP_SHARD_TELL_FAILURE_H_
