// The folder that a run writes into: made where it is absent, one run's at a time, and gone again
// if nothing came into it.
#ifndef DRAFTP_PIPELINE_OUTPUT_FOLDER_H_
#define DRAFTP_PIPELINE_OUTPUT_FOLDER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>

namespace draftp {

// While it lives, the folder is locked by flock(2) on its own descriptor, so that no lock file is
// left and the system lets go of it however the process ends. Where two spellings name one folder,
// they share the lock.
//
//   auto folder = OutputFolder::Open(config.output_dir);
//   if (!folder.ok()) return folder.status();
//   if (absl::Status made = folder->MakeSubfolder("base"); !made.ok()) return made;
//   ... before each file: if (absl::Status there = folder->Check(); !there.ok()) return there;
class OutputFolder {
 public:
  // Makes `path` and what leads to it, locks it, and removes what killed runs left half written in
  // it and its subfolders (see RemoveLeftFiles in io/atomic_file.h). Errors name the folder: it
  // can't be made or written into, or another run, named by its process where the system tells it,
  // has it.
  static absl::StatusOr<OutputFolder> Open(const std::string& path);

  // Removes those folders that it made and that are empty.
  ~OutputFolder();
  OutputFolder(OutputFolder&&) noexcept;
  OutputFolder& operator=(OutputFolder&&) = delete;

  // Makes {path}/{name}, unless it is there.
  absl::Status MakeSubfolder(const std::string& name);

  // An error once the folder was removed or replaced: what stands there now may be another run's.
  absl::Status Check() const;

  // False on file systems without locks.
  bool locked() const;

  // As Open got it.
  const std::string& path() const;

 private:
  struct State;
  explicit OutputFolder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// As the destructor of every OutputFolder of the process does. For the thread that ends the process
// after a signal, after RemoveFilesInFlight().
void RemoveEmptyOutputFolders();

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_OUTPUT_FOLDER_H_
