// Contents of gzip files, of bounded size.
#ifndef DRAFTP_IO_GUNZIP_H_
#define DRAFTP_IO_GUNZIP_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace draftp {

// Whether `bytes` begin as a gzip file does (RFC 1952).
bool IsGzip(std::string_view bytes);

// What a gzip file of one or more members holds; `source` is for messages. One-line errors:
// damaged, cut, bytes behind the last member, more than `max_bytes`.
absl::StatusOr<std::string> Gunzip(const std::string& source, std::string_view bytes,
                                   int64_t max_bytes);

}  // namespace draftp

#endif  // DRAFTP_IO_GUNZIP_H_
