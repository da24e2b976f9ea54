// write(2) to the end, and ftruncate(2) when it can't be finished.
#include "draftp/io/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

absl::Status SystemError(const std::string& path, const char* action, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat(Printable(path, 4096), ": can't ", action));
}

absl::Status Closed(const std::string& path) {
  return absl::FailedPreconditionError(
      absl::StrCat(Printable(path, 4096), ": used after it was closed"));
}

}  // namespace

absl::StatusOr<AppendFile> AppendFile::OpenWith(const std::string& path, int flags) {
  if (path.find('\0') != std::string::npos) return SystemError(path, "open", ENOENT);
  constexpr int kAlways =
      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
  const int descriptor = open(path.c_str(), kAlways | flags, 0666);
  if (descriptor < 0 && errno == ELOOP) {
    return absl::FailedPreconditionError(
        absl::StrCat(Printable(path, 4096), ": found a symbolic link, expected a file"));
  }
  if (descriptor < 0) return SystemError(path, "open", errno);
  AppendFile file(path, descriptor, 0);
  struct stat status;
  if (fstat(descriptor, &status) != 0) return SystemError(path, "open", errno);
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(path, 4096), ": found a special file, expected a file"));
  }
  file.size_ = static_cast<int64_t>(status.st_size);
  return file;
}

absl::StatusOr<AppendFile> AppendFile::Create(const std::string& path) {
  return OpenWith(path, O_EXCL);
}

absl::StatusOr<AppendFile> AppendFile::Open(const std::string& path) { return OpenWith(path, 0); }

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status AppendFile::Append(std::string_view record) {
  if (descriptor_ < 0) return Closed(path_);
  for (std::string_view rest = record; !rest.empty();) {
    const ssize_t written = write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      if (rest.size() == record.size() || ftruncate(descriptor_, size_) == 0) {
        return SystemError(path_, "write", error);
      }
      close(std::exchange(descriptor_, -1));  // a part stays: nothing may follow it
      return SystemError(path_, "write", error);
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
  size_ += static_cast<int64_t>(record.size());
  return absl::OkStatus();
}

absl::Status AppendFile::Sync() {
  if (descriptor_ < 0) return Closed(path_);
  if (fsync(descriptor_) == 0 || errno == EINVAL) return absl::OkStatus();
  return SystemError(path_, "write", errno);
}

absl::Status AppendFile::Close() {
  if (absl::Status status = Sync(); !status.ok()) return status;
  if (close(std::exchange(descriptor_, -1)) == 0) return absl::OkStatus();
  return SystemError(path_, "write", errno);
}

}  // namespace draftp
