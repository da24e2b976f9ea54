// A file that grows by whole records, for logs.
#ifndef DRAFTP_IO_APPEND_FILE_H_
#define DRAFTP_IO_APPEND_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp {

// Each Append() is written at once, so a killed process loses at most the record in flight, of
// which a part may stand at the file's end. When the disk is full, that part is cut off again and
// the file can be used further. Errors name the file and what the system said. One writer at a
// time.
class AppendFile {
 public:
  // A new file; kAlreadyExists when there is one. The folder must exist.
  static absl::StatusOr<AppendFile> Create(const std::string& path);
  // Goes on at the end of a regular file, or begins one. A symbolic link is an error.
  static absl::StatusOr<AppendFile> Open(const std::string& path);

  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;
  ~AppendFile();

  absl::Status Append(std::string_view record);
  // Makes what was appended survive a power cut (fsync).
  absl::Status Sync();
  // Syncs and closes; nothing can be appended after it.
  absl::Status Close();

  const std::string& path() const { return path_; }

 private:
  AppendFile(std::string path, int descriptor, int64_t size)
      : path_(std::move(path)), descriptor_(descriptor), size_(size) {}
  static absl::StatusOr<AppendFile> OpenWith(const std::string& path, int flags);

  std::string path_;
  int descriptor_;  // -1: closed or moved from
  int64_t size_;    // bytes of whole records
};

}  // namespace draftp

#endif  // DRAFTP_IO_APPEND_FILE_H_
