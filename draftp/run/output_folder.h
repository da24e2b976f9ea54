// The folder that a run writes into: made where it is absent, one run's at a time, and gone again
// if nothing came into it.
#ifndef DRAFTP_RUN_OUTPUT_FOLDER_H_
#define DRAFTP_RUN_OUTPUT_FOLDER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

namespace draftp {

// While it lives, the folder is locked by flock(2) on its own descriptor, so that no lock file is
// left and the system lets go of it however the process ends. Where two spellings name one folder,
// they share the lock.
//
//   auto folder = OutputFolder::Open(config.output_dir);
//   if (!folder.ok()) return folder.status();
//   ... load and check all that the run needs ...
//   if (absl::Status tidied = folder->Tidy({"base"}); !tidied.ok()) return tidied;
//   if (absl::Status made = folder->MakeSubfolder("base"); !made.ok()) return made;
//   ... before each file: if (absl::Status there = folder->Check(); !there.ok()) return there;
class OutputFolder {
 public:
  // Makes `path` and what leads to it, and locks it. Errors name the folder: it can't be made or
  // written into, or another run, named by its process where the system tells it, has it.
  static absl::StatusOr<OutputFolder> Open(const std::string& path);

  // Removes those folders that it made and that are empty.
  ~OutputFolder();
  OutputFolder(OutputFolder&&) noexcept;
  OutputFolder& operator=(OutputFolder&&) = delete;

  // Once all has been checked: removes what killed runs left half written in the folder and in
  // those of its subfolders into which this run writes (see RemoveLeftFiles in io/atomic_file.h).
  // An error, and nothing is removed, where one of them is a symbolic link.
  absl::Status Tidy(const std::vector<std::string>& subfolders);

  // Makes {path}/{name}, unless it is there. An error where it is a symbolic link.
  absl::Status MakeSubfolder(const std::string& name);

  // An error once the folder was removed or replaced: what stands there now may be another run's.
  absl::Status Check() const;

  // What the user should know before a run writes into it: that its file system has no locks. Empty
  // where it has.
  std::string Warning() const;

  // As Open got it.
  const std::string& path() const;

 private:
  struct State;
  explicit OutputFolder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What destructors would do in a process that is being ended: files and folders in flight go
// (io/atomic_file.h, io/atomic_folder.h), and folders of every OutputFolder that it made and that
// are empty. For the thread that ends the process.
void RemoveUnfinished();

}  // namespace draftp

#endif  // DRAFTP_RUN_OUTPUT_FOLDER_H_
