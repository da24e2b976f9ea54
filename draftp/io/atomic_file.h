// A file that appears whole or not at all, and the list of those not yet whole.
#ifndef DRAFTP_IO_ATOMIC_FILE_H_
#define DRAFTP_IO_ATOMIC_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp {

// Writes `.NAME.draftp-tmp.PID.N` beside the target, which Commit() renames to it: readers see the
// old file or the new one, never a part. The destructor removes what wasn't committed.
//
//   absl::StatusOr<AtomicFile> file = AtomicFile::Create("out/img.png");
//   if (!file.ok()) return file.status();
//   if (absl::Status s = file->Write(bytes); !s.ok()) return s;
//   return file->Commit();
//
// Errors name the target and what the system said. One thread at a time uses an AtomicFile; several
// may use different ones, also with the same target (the last Commit wins).
class AtomicFile {
 public:
  // The target's folder must exist. kCancelled after RemoveFilesInFlight().
  static absl::StatusOr<AtomicFile> Create(const std::string& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  // Appends. After an error the file can't be committed any more.
  absl::Status Write(std::span<const std::byte> bytes);
  absl::Status Write(std::string_view text);

  // Makes it a further name of the file at `from` (a hard link), instead of anything written. An
  // error, which changes nothing, where the file system can't.
  absl::Status LinkTo(const std::string& from);

  // Makes the contents durable (fsync of file and folder) and visible under the target's name.
  // At most once.
  absl::Status Commit();

  const std::string& path() const { return path_; }

 private:
  AtomicFile(std::string path, std::string temporary, int descriptor);
  void Discard();

  std::string path_;
  std::string temporary_;  // empty: committed, discarded or moved from
  int descriptor_ = -1;
  bool failed_ = false;
};

// Whether `name` is that of an AtomicFile's temporary file, `.NAME.draftp-tmp.PID.N`.
bool IsTemporaryName(std::string_view name);

// Removes the regular files in `folder` that have such names: what killed processes left. The
// caller knows that no process writes into the folder now.
void RemoveLeftFiles(const std::string& folder);

// Create, Write and Commit at once.
absl::Status WriteFileAtomically(const std::string& path, std::string_view contents);

// Makes `path` a hard link to the file at `from`, so that its contents lie on the disk once; a copy
// where links aren't possible.
absl::Status LinkOrCopyAtomically(const std::string& from, const std::string& path);

// Removes the temporary files of all AtomicFiles of the process and lets no further Create or
// Commit succeed. For the thread that ends the process after a signal: call it, then _exit.
void RemoveFilesInFlight();

namespace testing {

// While it lives, every AtomicFile write beyond `after_bytes` (counted over the process) fails with
// `error_number`, as a full (ENOSPC) or broken (EIO) disk would; what still fits is written.
class ScopedWriteFault {
 public:
  ScopedWriteFault(int error_number, int64_t after_bytes);
  ~ScopedWriteFault();
  ScopedWriteFault(const ScopedWriteFault&) = delete;
  ScopedWriteFault& operator=(const ScopedWriteFault&) = delete;
};

}  // namespace testing
}  // namespace draftp

#endif  // DRAFTP_IO_ATOMIC_FILE_H_
