// Sizes of memory and files as people read them.
#ifndef DRAFTP_IO_FORMAT_BYTES_H_
#define DRAFTP_IO_FORMAT_BYTES_H_

#include <cstdint>
#include <string>

namespace draftp {

// `bytes` >= 0 in the largest of B, KiB, MiB, GiB and TiB of which there is at least one, to three
// digits: "917 MiB", "1.23 GiB", "512 B".
std::string FormatBytes(int64_t bytes);

}  // namespace draftp

#endif  // DRAFTP_IO_FORMAT_BYTES_H_
