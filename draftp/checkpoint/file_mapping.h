// A file in memory, private to the process, unmapped with the last view of it.
#ifndef DRAFTP_CHECKPOINT_FILE_MAPPING_H_
#define DRAFTP_CHECKPOINT_FILE_MAPPING_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace draftp {

// Pages are read when they are touched and may be written: the process then has its own, the file
// stays as it is. The file may be replaced (renamed over) while it is mapped, but must not be cut.
class FileMapping {
 public:
  // Errors: those of OpenRegularFile, and the system's.
  static absl::StatusOr<std::shared_ptr<const FileMapping>> Map(const std::string& path);

  // Of `size` bytes that mmap gave; null and 0 of an empty file.
  FileMapping(void* address, size_t size);
  ~FileMapping();
  FileMapping(const FileMapping&) = delete;
  FileMapping& operator=(const FileMapping&) = delete;

  std::byte* data() const { return static_cast<std::byte*>(address_); }
  std::span<const std::byte> bytes() const { return {data(), size_}; }

 private:
  void* address_;
  size_t size_;
};

// Gives the pages that all mappings of the process have brought in back to the system, which may
// keep them in its cache: they no longer count as the process's memory, and views that touch them
// again read them again. What was written to a view is lost: for programs that write to none.
void GiveBackMappedPages();

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_FILE_MAPPING_H_
