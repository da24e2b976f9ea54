#include "draftp/io/atomic_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(const std::string& path, const std::string& what, const std::string& words) {
  return absl::UnavailableError(
      absl::StrCat(Printable(path, 4096), ": can't ", what, " the folder: ", words));
}

// `.NAME.ending` beside `target`.
std::string Beside(const std::string& target, const std::string& ending) {
  const fs::path path(target);
  return (path.parent_path() / absl::StrCat(".", path.filename().string(), ".", ending)).string();
}

absl::Status SyncFolder(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Failed(path, "open", std::strerror(errno));
  const bool synced = fsync(descriptor) == 0 || errno == EINVAL;
  const std::string words = std::strerror(errno);
  close(descriptor);
  return synced ? absl::OkStatus() : Failed(path, "sync", words);
}

}  // namespace

absl::StatusOr<AtomicFolder> AtomicFolder::Create(const std::string& target) {
  const std::string temporary = Beside(target, "tmp");
  std::error_code error;
  fs::remove_all(temporary, error);
  if (!fs::create_directory(temporary, error))
    return Failed(target, "make", error ? error.message() : "its temporary name is taken");
  return AtomicFolder(target, temporary);
}

AtomicFolder::AtomicFolder(AtomicFolder&& other) noexcept
    : target_(std::move(other.target_)), temporary_(std::exchange(other.temporary_, {})) {}

AtomicFolder::~AtomicFolder() {
  if (temporary_.empty()) return;
  std::error_code error;
  fs::remove_all(temporary_, error);
}

absl::Status AtomicFolder::Commit() {
  if (absl::Status synced = SyncFolder(temporary_); !synced.ok()) return synced;
  const std::string old = Beside(target_, "old");
  std::error_code error;
  fs::remove_all(old, error);
  fs::rename(target_, old, error);  // where there is one
  fs::rename(temporary_, target_, error);
  if (error) {
    std::error_code ignored;
    fs::rename(old, target_, ignored);
    return Failed(target_, "rename", error.message());
  }
  temporary_.clear();
  const absl::Status synced = SyncFolder(fs::path(target_).parent_path().string());
  fs::remove_all(old, error);
  return synced;
}

void RemoveLeftFolders(const std::string& parent) {
  std::vector<fs::path> left;
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool ours = name.starts_with('.') && (name.ends_with(".tmp") || name.ends_with(".old"));
    std::error_code unknown;
    if (ours && entry->is_directory(unknown) && !entry->is_symlink(unknown))
      left.push_back(entry->path());
  }
  for (const fs::path& path : left) fs::remove_all(path, error);
}

}  // namespace draftp
