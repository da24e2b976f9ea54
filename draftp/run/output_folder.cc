// Makes, locks, tidies and unmakes a run's folder.
#include "draftp/run/output_folder.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "draftp/io/atomic_file.h"
#include "draftp/io/atomic_folder.h"
#include "draftp/io/printable.h"

namespace draftp {

struct OutputFolder::State {
  std::string path;
  int descriptor = -1;
  bool locked = false;
  std::vector<std::string> made;  // folders that weren't there before, the outermost first
};

namespace {

namespace fs = std::filesystem;

// Folders made by live OutputFolders. Never destroyed: the signal thread may use it during exit.
struct Registry {
  std::mutex mutex;
  std::set<std::vector<std::string>*> made;
};

Registry& MadeFolders() {
  static Registry* const registry = new Registry;
  return *registry;
}

// The innermost first; what isn't empty stays, and so does all that leads to it.
void RemoveEmpty(std::vector<std::string>& made) {
  for (; !made.empty(); made.pop_back()) rmdir(made.back().c_str());
}

std::string Shown(const std::string& path) { return Printable(path, 1000); }

absl::Status CannotWrite(const std::string& path, const std::string& words) {
  return absl::PermissionDeniedError(
      absl::StrCat(Shown(path), ": ", words, ", expected a folder to write into"));
}

std::string Words(int error) { return std::generic_category().message(error); }

absl::Status MakeFolder(const fs::path& path, std::vector<std::string>& made) {
  std::error_code error;
  if (fs::create_directory(path, error)) {
    const std::lock_guard lock(MadeFolders().mutex);
    made.push_back(path.string());
  }
  if (error == std::errc::file_exists) error = std::make_error_code(std::errc::not_a_directory);
  return error ? CannotWrite(path.string(), error.message()) : absl::OkStatus();
}

absl::Status MakeFolders(const std::string& path, std::vector<std::string>& made) {
  fs::path prefix;
  for (const fs::path& part : fs::path(path)) {
    prefix /= part;
    if (part.empty() || part == "/") continue;
    std::error_code error;
    if (fs::is_directory(prefix, error)) continue;
    if (absl::Status status = MakeFolder(prefix, made); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Whether `descriptor` is the folder that now stands at `path`.
bool IsAt(int descriptor, const std::string& path) {
  struct stat opened, there;
  return fstat(descriptor, &opened) == 0 && stat(path.c_str(), &there) == 0 &&
         opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

// " (process N)" of who holds the flock on an open folder, or "" where /proc/locks doesn't say.
std::string Holder(int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return "";
  // 1: FLOCK  ADVISORY  WRITE 4711 08:01:131074 0 EOF
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, advisory, mode, process, file;
    words >> number >> kind >> advisory >> mode >> process >> file;
    if (kind == "FLOCK" && process != "-1" && process != "0" &&
        file.ends_with(absl::StrCat(":", status.st_ino))) {
      return absl::StrCat(" (process ", process, ")");
    }
  }
  return "";
}

// Locks state.descriptor, if the file system can.
absl::Status Lock(const std::string& path, int descriptor, bool& locked) {
  int result;
  do result = flock(descriptor, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  locked = result == 0;
  if (locked || errno != EWOULDBLOCK) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(Shown(path), ": found another run",
                                                    Holder(descriptor),
                                                    " writing into it, expected one at a time"));
}

absl::Status CheckNoLink(const fs::path& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return absl::OkStatus();
  return CannotWrite(path.string(), "found a symbolic link");
}

}  // namespace

OutputFolder::OutputFolder(std::unique_ptr<State> state) : state_(std::move(state)) {
  const std::lock_guard lock(MadeFolders().mutex);
  MadeFolders().made.insert(&state_->made);
}

OutputFolder::OutputFolder(OutputFolder&&) noexcept = default;

OutputFolder::~OutputFolder() {
  if (state_ == nullptr) return;
  const std::lock_guard lock(MadeFolders().mutex);
  MadeFolders().made.erase(&state_->made);
  // Before the lock goes: who waits for it sees that the folder did, and makes it anew.
  RemoveEmpty(state_->made);
  if (state_->descriptor >= 0) close(state_->descriptor);
}

absl::StatusOr<OutputFolder> OutputFolder::Open(const std::string& path) {
  constexpr int kAttempts = 10;  // another run may unmake the folder while this one opens it
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    OutputFolder folder(std::make_unique<State>());
    State& state = *folder.state_;
    state.path = path;
    if (absl::Status made = MakeFolders(path, state.made); !made.ok()) return made;
    state.descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state.descriptor < 0 && errno == ENOENT) continue;
    if (state.descriptor < 0) return CannotWrite(path, Words(errno));
    if (absl::Status status = Lock(path, state.descriptor, state.locked); !status.ok()) {
      const std::lock_guard lock(MadeFolders().mutex);
      state.made.clear();  // the other run's now
      return status;
    }
    if (!IsAt(state.descriptor, path)) continue;
    if (faccessat(state.descriptor, ".", W_OK | X_OK, AT_EACCESS) != 0) {
      return CannotWrite(path, Words(errno));
    }
    return folder;
  }
  return absl::AbortedError(
      absl::StrCat(Shown(path), ": found it removed as often as it was made"));
}

absl::Status OutputFolder::Tidy(const std::vector<std::string>& subfolders) {
  for (const std::string& name : subfolders) {
    if (absl::Status link = CheckNoLink(fs::path(state_->path) / name); !link.ok()) return link;
  }
  if (!state_->locked) return absl::OkStatus();
  RemoveLeftFiles(state_->path);
  for (const std::string& name : subfolders) RemoveLeftFiles(fs::path(state_->path) / name);
  return absl::OkStatus();
}

absl::Status OutputFolder::MakeSubfolder(const std::string& name) {
  const fs::path path = fs::path(state_->path) / name;
  if (absl::Status link = CheckNoLink(path); !link.ok()) return link;
  std::error_code error;
  return fs::is_directory(path, error) ? absl::OkStatus() : MakeFolder(path, state_->made);
}

absl::Status OutputFolder::Check() const {
  if (IsAt(state_->descriptor, state_->path)) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(
      Shown(state_->path), ": the folder was removed or replaced while the run wrote into it"));
}

std::string OutputFolder::Warning() const {
  if (state_->locked) return "";
  return path() + ": its file system has no locks; let no other run write into it";
}

const std::string& OutputFolder::path() const { return state_->path; }

void RemoveUnfinished() {
  RemoveFilesInFlight();
  RemoveFoldersInFlight();
  const std::lock_guard lock(MadeFolders().mutex);
  for (std::vector<std::string>* const made : MadeFolders().made) RemoveEmpty(*made);
}

}  // namespace draftp
