// The files in a tar archive, one after the other.
#ifndef DRAFTP_IO_TAR_READER_H_
#define DRAFTP_IO_TAR_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct archive;

namespace draftp {

struct TarMember {
  std::string name;  // as the archive has it, folders included; any bytes
  int64_t size;      // bytes
};

// Reads ustar, GNU and pax archives, plain or through one gzip; nothing is unpacked to disk, and
// only what Read() asks for is kept in memory. By libarchive.
//
//   absl::StatusOr<TarReader> tar = TarReader::Open("shard.tar");
//   for (;;) {
//     const absl::StatusOr<std::optional<TarMember>> member = tar->Next();
//     if (!member.ok()) return member.status();
//     if (!*member) break;
//     const absl::StatusOr<std::string> text = tar->Read(1 << 20);
//   }
//
// One-line errors name the archive (and member): unreadable, no tar, damaged, cut (also where its
// end marker is missing), compressed twice, more than 16 GiB behind gzip. After an error, or the
// end, use it no more.
class TarReader {
 public:
  static absl::StatusOr<TarReader> Open(const std::string& path);
  // From memory, which must outlive the reader; `source` is for messages.
  static absl::StatusOr<TarReader> OpenMemory(const std::string& source, std::string_view bytes);

  TarReader(TarReader&& other) noexcept;
  TarReader& operator=(TarReader&& other) noexcept;
  ~TarReader();

  // The next regular file, or none at the end. Folders, links and devices are passed over; of files
  // that are there twice, both come.
  absl::StatusOr<std::optional<TarMember>> Next();

  // The contents of the member that Next() returned last; at most once each. An error when it has
  // more than `max_bytes`.
  absl::StatusOr<std::string> Read(int64_t max_bytes);

  // Links, devices and the like that Next() has passed over so far, folders not counted.
  int64_t passed_over() const { return passed_over_; }

 private:
  struct Closer {
    void operator()(archive* opened) const;
  };
  TarReader(std::string source, int descriptor);
  absl::Status Begin(int result);
  absl::Status Damaged(std::string_view what) const;
  absl::Status CheckEnd() const;

  std::string source_;
  int descriptor_;  // -1: memory
  std::unique_ptr<archive, Closer> archive_;
  TarMember member_{};
  int64_t passed_over_ = 0;
};

}  // namespace draftp

#endif  // DRAFTP_IO_TAR_READER_H_
