// The directory of a zip archive in memory: where its entries lie, every length checked.
//
// Format (PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3): the entries, each behind a header
// of its own; the central directory, which lists them; the record of its end, with a 64-bit one
// before it where numbers need that.
#ifndef DRAFTP_CHECKPOINT_ZIP_DIRECTORY_H_
#define DRAFTP_CHECKPOINT_ZIP_DIRECTORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp {

// Where an entry's data lie, in bytes from the start of the archive.
struct ZipEntry {
  uint64_t begin = 0;
  uint64_t stored = 0;    // bytes in the archive
  uint64_t size = 0;      // bytes of the data; `stored` unless deflated
  bool deflated = false;  // else the data stand as they are
  uint32_t crc = 0;       // of the data; torch.save may leave it wrong where they aren't deflated
};

// By name; folders are left out.
using ZipDirectory = std::map<std::string, ZipEntry>;

// What an archive's deflated entries may come to, bytes: this for each byte of the archive, and
// kZipGrowthFree for nothing.
inline constexpr uint64_t kZipGrowth = 200;
inline constexpr uint64_t kZipGrowthFree = uint64_t{64} << 20;

// Reads the directory of the archive whose bytes are `archive`. Checked: all records lie inside it,
// names are unique, local headers say what the directory says, entries don't overlap, stored ones
// have one size, deflated ones stay within the growth above. Errors, without the archive's name:
// what was found, what was expected; also several disks, encryption, methods other than store and
// deflate.
absl::StatusOr<ZipDirectory> ReadZipDirectory(std::span<const std::byte> archive);

// The data of one of the archive's entries, of at most `max_bytes`; deflated ones are unpacked and
// their CRC is checked.
absl::StatusOr<std::string> ReadZipEntry(std::span<const std::byte> archive, const ZipEntry& entry,
                                         uint64_t max_bytes);

// Unpacks a deflated entry into `data`, of entry.size bytes.
absl::Status InflateZipEntry(std::span<const std::byte> archive, const ZipEntry& entry,
                             std::span<std::byte> data);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_ZIP_DIRECTORY_H_
