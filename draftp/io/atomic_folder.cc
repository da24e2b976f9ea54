#include "draftp/io/atomic_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(const std::string& path, const std::string& what, const std::string& words) {
  return absl::UnavailableError(
      absl::StrCat(Printable(path, 4096), ": can't ", what, " the folder: ", words));
}

// Temporary folders of the process. Never destroyed: the signal thread may use it during exit.
struct Registry {
  std::mutex mutex;
  std::set<std::string> temporaries;
  bool closed = false;
};

Registry& FoldersInFlight() {
  static Registry* const registry = new Registry;
  return *registry;
}

// `.NAME.ending` beside `target`.
std::string Beside(const std::string& target, const std::string& ending) {
  const fs::path path(target);
  return (path.parent_path() / absl::StrCat(".", path.filename().string(), ".", ending)).string();
}

}  // namespace

bool HoldsOwnFilesAlone(const std::string& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unknown;
    const fs::file_type type = entry->symlink_status(unknown).type();
    if (type == fs::file_type::directory) continue;
    const fs::path name = entry->path().filename();
    const bool own = name.extension() == ".safetensors" || name.extension() == ".json" ||
                     IsTemporaryName(name.native());
    if (type != fs::file_type::regular || !own) return false;
  }
  return !error;
}

namespace {

// What isn't a folder, or holds other things too, stays.
void RemoveIfOwn(const fs::path& folder) {
  std::error_code error;
  if (fs::symlink_status(folder, error).type() != fs::file_type::directory) return;
  if (HoldsOwnFilesAlone(folder.string())) fs::remove_all(folder, error);
}

// Whether `name` is `.{prefix}NNNNNNNN.tmp` or `.old`, with eight digits or more.
bool IsLeftName(std::string_view name, std::string_view prefix) {
  if (!name.ends_with(".tmp") && !name.ends_with(".old")) return false;
  name.remove_suffix(4);
  if (!name.starts_with('.') || !name.substr(1).starts_with(prefix)) return false;
  name.remove_prefix(1 + prefix.size());
  return name.size() >= 8 && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
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
  RemoveIfOwn(temporary);
  if (!fs::create_directory(temporary, error))
    return Failed(target, "make", error ? error.message() : "its temporary name is taken");
  const std::lock_guard lock(FoldersInFlight().mutex);
  FoldersInFlight().temporaries.insert(temporary);
  return AtomicFolder(target, temporary);
}

AtomicFolder::AtomicFolder(AtomicFolder&& other) noexcept
    : target_(std::move(other.target_)), temporary_(std::exchange(other.temporary_, {})) {}

AtomicFolder::~AtomicFolder() {
  if (temporary_.empty()) return;
  const std::lock_guard lock(FoldersInFlight().mutex);
  std::error_code error;
  fs::remove_all(temporary_, error);
  FoldersInFlight().temporaries.erase(temporary_);
}

absl::Status AtomicFolder::Commit() {
  if (absl::Status synced = SyncFolder(temporary_); !synced.ok()) return synced;
  const std::string old = Beside(target_, "old");
  std::error_code error;
  {
    const std::lock_guard lock(FoldersInFlight().mutex);
    if (FoldersInFlight().closed) {
      return absl::CancelledError(
          absl::StrCat(Printable(target_, 4096), ": not written, the program is being stopped"));
    }
    RemoveIfOwn(old);
    fs::rename(target_, old, error);  // where there is one
    fs::rename(temporary_, target_, error);
    if (error) {
      std::error_code ignored;
      fs::rename(old, target_, ignored);
      return Failed(target_, "rename", error.message());
    }
    FoldersInFlight().temporaries.erase(std::exchange(temporary_, {}));
  }
  const absl::Status synced = SyncFolder(fs::path(target_).parent_path().string());
  RemoveIfOwn(old);
  return synced;
}

void RemoveFoldersInFlight() {
  const std::lock_guard lock(FoldersInFlight().mutex);
  FoldersInFlight().closed = true;
  std::error_code error;
  for (const std::string& temporary : FoldersInFlight().temporaries)
    fs::remove_all(temporary, error);
}

void RemoveLeftFolders(const std::string& parent, std::string_view prefix) {
  std::vector<fs::path> left;
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    if (IsLeftName(entry->path().filename().native(), prefix)) left.push_back(entry->path());
  }
  for (const fs::path& path : left) RemoveIfOwn(path);
}

}  // namespace draftp
