// The files that a run reads and that decide what it computes, each with its role, and their
// hashes.
#ifndef DRAFTP_RUN_INPUT_HASHES_H_
#define DRAFTP_RUN_INPUT_HASHES_H_

#include <absl/status/statusor.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace draftp {

// `role` says what the file is for, whatever the folders' names: "model/unet/config.json",
// "fine-tuned/lora", "reward 1/model.safetensors".
struct InputFile {
  std::string role;
  std::string path;
  bool is_weights = false;  // of the model or what was fine-tuned
};

// Hashes files on a thread of its own, beside whatever else is going on. The destructor stops it.
class InputHashes {
 public:
  explicit InputHashes(std::vector<InputFile> files);
  ~InputHashes();
  InputHashes(const InputHashes&) = delete;
  InputHashes& operator=(const InputHashes&) = delete;

  const std::vector<InputFile>& files() const { return files_; }

  // SHA-256 by role; waits for it. The error names a file that can't be read.
  const absl::StatusOr<std::map<std::string, std::string>>& Get();

 private:
  const std::vector<InputFile> files_;
  std::atomic<bool> stop_ = false;
  absl::StatusOr<std::map<std::string, std::string>> hashes_;
  std::thread thread_;
};

// One hash for several files: the file's own for one, else that of lines "role hash".
std::string CombinedHash(const std::map<std::string, std::string>& hashes);

// InvalidArgument where a file lies at one of `outputs`, names in the folder `dir` in which a run
// is going to write: it would replace what it reads.
absl::Status CheckInputsLieElsewhere(const std::vector<InputFile>& files, const std::string& dir,
                                     const std::vector<std::string>& outputs);

}  // namespace draftp

#endif  // DRAFTP_RUN_INPUT_HASHES_H_
