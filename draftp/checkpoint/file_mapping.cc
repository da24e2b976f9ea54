#include "draftp/checkpoint/file_mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

// What is mapped now. Never destroyed: mappings may outlive static objects.
struct Registry {
  std::mutex mutex;
  std::map<void*, size_t> sizes;
};

Registry& LiveMappings() {
  static Registry* const registry = new Registry;
  return *registry;
}

}  // namespace

FileMapping::FileMapping(void* address, size_t size) : address_(address), size_(size) {
  if (address_ == nullptr) return;
  const std::lock_guard lock(LiveMappings().mutex);
  LiveMappings().sizes[address_] = size_;
}

void GiveBackMappedPages() {
  const std::lock_guard lock(LiveMappings().mutex);
  for (const auto& [address, size] : LiveMappings().sizes) madvise(address, size, MADV_DONTNEED);
}

absl::StatusOr<std::shared_ptr<const FileMapping>> FileMapping::Map(const std::string& path) {
  const absl::StatusOr<OpenedFile> file = OpenRegularFile(path);
  if (!file.ok()) return file.status();
  const auto size = static_cast<size_t>(file->size);
  void* address = nullptr;
  if (size > 0) {
    // Writable, because tensors are, but copied on write; no swap is set aside for that.
    address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
                   file->descriptor, 0);
  }
  const int error = errno;
  close(file->descriptor);
  if (address == MAP_FAILED) {
    return absl::ErrnoToStatus(error,
                               absl::StrCat(Printable(path, 4096), ": can't map into memory"));
  }
  return std::make_shared<const FileMapping>(address, size);
}

FileMapping::~FileMapping() {
  if (address_ == nullptr) return;
  const std::lock_guard lock(LiveMappings().mutex);
  LiveMappings().sizes.erase(address_);
  munmap(address_, size_);
}

}  // namespace draftp
