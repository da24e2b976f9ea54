// What is written gets its name when it has been read back.
#ifndef DRAFTP_CONVERT_VERIFIED_OUTPUT_H_
#define DRAFTP_CONVERT_VERIFIED_OUTPUT_H_

#include <absl/status/status.h>

#include <functional>
#include <string>

namespace draftp {

// Writes or checks the file or folder at the path that it is given.
using PathAction = std::function<absl::Status(const std::string&)>;

// Calls `write`, then `verify`, on a path beside `out` with the same last name, and renames the
// result to `out`, which mustn't exist, when both are well; else nothing stays. Their errors speak
// of `out`.
absl::Status WriteThenVerify(const std::string& out, const PathAction& write,
                             const PathAction& verify);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_VERIFIED_OUTPUT_H_
