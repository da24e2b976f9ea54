// SHA-256 of a file, as model hubs publish it for weights.
#ifndef DRAFTP_PIPELINE_FILE_HASH_H_
#define DRAFTP_PIPELINE_FILE_HASH_H_

#include <absl/status/statusor.h>

#include <string>

namespace draftp {

// 64 lower-case hexadecimal digits (FIPS 180-4). Error: the file can't be opened or read.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_FILE_HASH_H_
