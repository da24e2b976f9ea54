// A folder that appears whole or not at all.
#ifndef DRAFTP_IO_ATOMIC_FOLDER_H_
#define DRAFTP_IO_ATOMIC_FOLDER_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp {

// Whether a folder has nothing in it, at any depth, that isn't of the kinds that a checkpoint holds
// (.safetensors, .json, temporary files of ours): only then is it ours to remove.
bool HoldsOwnFilesAlone(const std::string& folder);

// Makes `.NAME.tmp` beside the target, which Commit() renames to it; what stands at that name and
// isn't such a folder stays, and is an error. The destructor removes what wasn't committed; what a
// killed process left, RemoveLeftFolders does.
//
//   absl::StatusOr<AtomicFolder> folder = AtomicFolder::Create("run/checkpoints/step_100");
//   if (!folder.ok()) return folder.status();
//   ... write files below folder->path() ...
//   return folder->Commit();
class AtomicFolder {
 public:
  // The target's parent must exist; one writer at a time.
  static absl::StatusOr<AtomicFolder> Create(const std::string& target);

  AtomicFolder(AtomicFolder&& other) noexcept;
  AtomicFolder& operator=(AtomicFolder&&) = delete;
  ~AtomicFolder();

  // Where the files go until Commit().
  const std::string& path() const { return temporary_; }

  // Makes the folder durable (fsync of it and its parent; the files see to themselves) and visible
  // under the target's name, which must be free or an older folder, which then goes.
  absl::Status Commit();

 private:
  AtomicFolder(std::string target, std::string temporary)
      : target_(std::move(target)), temporary_(std::move(temporary)) {}

  std::string target_, temporary_;  // temporary_ empty: committed or moved from
};

// Removes the temporary folders of all AtomicFolders of the process and lets no Commit succeed. For
// the thread that ends the process, after RemoveFilesInFlight().
void RemoveFoldersInFlight();

// Removes the folders `.{prefix}NNNNNNNN.tmp` and `.old` (eight digits or more) in `parent` in
// which there is nothing but files of tensors, JSON files and temporary files. The caller knows
// that no process writes there now.
void RemoveLeftFolders(const std::string& parent, std::string_view prefix);

}  // namespace draftp

#endif  // DRAFTP_IO_ATOMIC_FOLDER_H_
