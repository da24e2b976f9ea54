// Opens, measures and reads regular files.
#include "draftp/io/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/folder_contents.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

absl::Status SystemError(const std::string& path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat(Printable(path, 4096), ": can't read"));
}

absl::Status TooLarge(const std::string& path, int64_t max_bytes) {
  return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": found more than ",
                                                 max_bytes, " bytes, expected at most that many"));
}

// All that the descriptor gives; closes it.
absl::StatusOr<std::string> ReadAll(const std::string& path, const OpenedFile& file,
                                    int64_t max_bytes) {
  const absl::Cleanup closer = [&file] { close(file.descriptor); };
  if (file.size > max_bytes) return TooLarge(path, max_bytes);
  // One byte more than expected, so that a file that grows (or one of /proc, of size 0) is seen.
  std::string contents;
  size_t filled = 0;
  for (;;) {
    if (filled == contents.size()) {
      contents.resize(std::max<size_t>(filled * 2, static_cast<size_t>(file.size) + 1));
    }
    const ssize_t got = read(file.descriptor, contents.data() + filled, contents.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
    if (filled > static_cast<size_t>(max_bytes)) return TooLarge(path, max_bytes);
  }
  contents.resize(filled);
  return contents;
}

}  // namespace

absl::StatusOr<OpenedFile> OpenRegularFile(const std::string& path) {
  if (path.find('\0') != std::string::npos) return SystemError(path, ENOENT);
  const int descriptor = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(path, errno);
  struct stat status;
  if (fstat(descriptor, &status) != 0) {
    const int error = errno;
    close(descriptor);
    return SystemError(path, error);
  }
  if (!S_ISREG(status.st_mode)) {
    close(descriptor);
    const std::string name = Printable(path, 4096);
    return absl::InvalidArgumentError(
        S_ISDIR(status.st_mode)
            ? absl::StrCat(name, ": found a folder, expected a file; ", FolderContents(path))
            : absl::StrCat(name, ": found a special file, expected a file"));
  }
  return OpenedFile{descriptor, static_cast<int64_t>(status.st_size)};
}

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  const absl::StatusOr<OpenedFile> file = OpenRegularFile(path);
  return file.ok() ? ReadAll(path, *file, max_bytes) : file.status();
}

bool IsStream(const std::string& path) {
  struct stat status;
  const bool is_open = path == "/dev/stdin" || path.starts_with("/dev/fd/");
  if (!is_open || stat(path.c_str(), &status) != 0) return false;
  return S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode);
}

absl::StatusOr<std::string> ReadFileOrStream(const std::string& path, int64_t max_bytes) {
  if (!IsStream(path)) return ReadFile(path, max_bytes);
  const int descriptor = open(path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(path, errno);
  return ReadAll(path, {descriptor, 0}, max_bytes);
}

}  // namespace draftp
