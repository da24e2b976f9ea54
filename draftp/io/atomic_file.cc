// Temporary name, fsync, rename; the registry of files in flight; the one place that writes bytes.
#include "draftp/io/atomic_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

// Temporary files of the process. Never destroyed: the signal thread may use it during exit.
struct Registry {
  std::mutex mutex;
  std::set<std::string> temporaries;
  bool closed = false;
};

Registry& FilesInFlight() {
  static Registry* const registry = new Registry;
  return *registry;
}

std::atomic<int> fault_error{0};
std::atomic<int64_t> fault_bytes_left{0};

// The one place that writes: write(2), or the fault that a test asked for.
ssize_t WriteSome(int descriptor, const std::byte* bytes, size_t size) {
  if (const int error = fault_error.load(); error != 0) {
    const int64_t left = fault_bytes_left.load();
    if (left <= 0) {
      errno = error;
      return -1;
    }
    size = std::min(size, static_cast<size_t>(left));
    fault_bytes_left -= static_cast<int64_t>(size);
  }
  return write(descriptor, bytes, size);
}

absl::Status SystemError(const std::string& path, std::string_view action) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat(Printable(path, 4096), ": can't ",
                                                 absl::string_view(action.data(), action.size())));
}

absl::Status Interrupted(const std::string& path) {
  return absl::CancelledError(
      absl::StrCat(Printable(path, 4096), ": not written, the program is being stopped"));
}

std::string Folder(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

constexpr char kMark[] = ".draftp-tmp";

std::string TemporaryName(const std::string& path) {
  static std::atomic<uint64_t> next{0};
  constexpr size_t kLongestName = 200;  // of 255, so that the suffix fits
  const size_t slash = path.rfind('/');
  const size_t begin = slash == std::string::npos ? 0 : slash + 1;
  return absl::StrCat(path.substr(0, begin), ".", path.substr(begin, kLongestName), kMark, ".",
                      getpid(), ".", next++);
}

// A rename survives a power cut once its folder is synced; some file systems can't, and say so.
void SyncFolder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(std::string path, std::string temporary, int descriptor)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      failed_(other.failed_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this == &other) return *this;
  Discard();
  path_ = std::move(other.path_);
  temporary_ = std::exchange(other.temporary_, {});
  descriptor_ = std::exchange(other.descriptor_, -1);
  failed_ = other.failed_;
  return *this;
}

AtomicFile::~AtomicFile() { Discard(); }

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path) {
  Registry& registry = FilesInFlight();
  for (;;) {
    const std::string temporary = TemporaryName(path);
    // Under the lock, so that no file is made that RemoveFilesInFlight() doesn't see.
    const std::lock_guard lock(registry.mutex);
    if (registry.closed) return Interrupted(path);
    const int descriptor =
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno == EEXIST) continue;  // left by an earlier process of this id
    if (descriptor < 0) return SystemError(path, "create");
    registry.temporaries.insert(temporary);
    return AtomicFile(path, temporary, descriptor);
  }
}

absl::Status AtomicFile::Write(std::span<const std::byte> bytes) {
  if (descriptor_ < 0 || failed_) {
    return absl::FailedPreconditionError(
        absl::StrCat(Printable(path_, 4096), ": written after Commit() or an error"));
  }
  while (!bytes.empty()) {
    const ssize_t written = WriteSome(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      failed_ = true;
      return SystemError(path_, "write");
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Write(std::string_view text) {
  return Write(std::as_bytes(std::span(text.data(), text.size())));
}

absl::Status AtomicFile::LinkTo(const std::string& from) {
  const std::string link_name = TemporaryName(path_);
  if (link(from.c_str(), link_name.c_str()) != 0) return SystemError(path_, "link");
  if (rename(link_name.c_str(), temporary_.c_str()) == 0) return absl::OkStatus();
  const absl::Status error = SystemError(path_, "link");
  unlink(link_name.c_str());
  return error;
}

absl::Status AtomicFile::Commit() {
  if (descriptor_ < 0 || failed_) {
    return absl::FailedPreconditionError(
        absl::StrCat(Printable(path_, 4096), ": committed twice or after an error"));
  }
  failed_ = true;  // unless all goes well
  if (fsync(descriptor_) != 0 && errno != EINVAL) return SystemError(path_, "write");
  if (close(std::exchange(descriptor_, -1)) != 0) return SystemError(path_, "write");
  Registry& registry = FilesInFlight();
  {
    const std::lock_guard lock(registry.mutex);
    if (registry.closed) return Interrupted(path_);
    if (rename(temporary_.c_str(), path_.c_str()) != 0) return SystemError(path_, "write");
    registry.temporaries.erase(temporary_);
  }
  temporary_.clear();
  SyncFolder(Folder(path_));
  return absl::OkStatus();
}

void AtomicFile::Discard() {
  if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  if (temporary_.empty()) return;
  Registry& registry = FilesInFlight();
  const std::lock_guard lock(registry.mutex);
  unlink(temporary_.c_str());
  registry.temporaries.erase(temporary_);
  temporary_.clear();
}

bool IsTemporaryName(std::string_view name) {
  if (!name.starts_with('.')) return false;
  for (int number = 0; number < 2; ++number) {
    const size_t digits = name.find_last_not_of("0123456789");
    if (digits == std::string_view::npos || digits + 1 == name.size() || name[digits] != '.') {
      return false;
    }
    name = name.substr(0, digits);
  }
  return name.ends_with(kMark);
}

void RemoveLeftFiles(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unknown;
    if (IsTemporaryName(entry->path().filename().native()) &&
        entry->symlink_status(unknown).type() == fs::file_type::regular) {
      unlink(entry->path().c_str());
    }
  }
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view contents) {
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Write(contents); !status.ok()) return status;
  return file->Commit();
}

absl::Status LinkOrCopyAtomically(const std::string& from, const std::string& path) {
  std::error_code error;
  if (std::filesystem::equivalent(from, path, error)) return absl::OkStatus();
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  if (file->LinkTo(from).ok()) return file->Commit();
  const absl::StatusOr<OpenedFile> source = OpenRegularFile(from);
  if (!source.ok()) return source.status();
  std::vector<std::byte> buffer(size_t{1} << 20);
  absl::Status status;
  for (ssize_t count = 1; status.ok() && count != 0;) {
    count = read(source->descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno != EINTR) status = SystemError(from, "read");
    if (count > 0) status = file->Write(std::span(buffer).first(static_cast<size_t>(count)));
  }
  close(source->descriptor);
  return status.ok() ? file->Commit() : status;
}

void RemoveFilesInFlight() {
  Registry& registry = FilesInFlight();
  const std::lock_guard lock(registry.mutex);
  registry.closed = true;
  for (const std::string& temporary : registry.temporaries) unlink(temporary.c_str());
  registry.temporaries.clear();
}

namespace testing {

ScopedWriteFault::ScopedWriteFault(int error_number, int64_t after_bytes) {
  fault_bytes_left = after_bytes;
  fault_error = error_number;
}

ScopedWriteFault::~ScopedWriteFault() { fault_error = 0; }

}  // namespace testing
}  // namespace draftp
