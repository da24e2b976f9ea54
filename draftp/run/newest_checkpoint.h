// Finds what a training run fine-tuned last, for programs that are given the run's folder.
#ifndef DRAFTP_RUN_NEWEST_CHECKPOINT_H_
#define DRAFTP_RUN_NEWEST_CHECKPOINT_H_

#include <absl/status/statusor.h>

#include <string>

namespace draftp {

// One of the two is set.
struct Checkpoint {
  std::string lora;   // folder that holds pytorch_lora_weights.safetensors
  std::string tuned;  // folder that holds unet/
};

// Of `dir` itself, its subfolders and those of `dir`/checkpoints, the folder whose weights (a LoRA
// or a whole UNet) were written last. NotFound names `dir` if none holds any.
absl::StatusOr<Checkpoint> NewestCheckpoint(const std::string& dir);

}  // namespace draftp

#endif  // DRAFTP_RUN_NEWEST_CHECKPOINT_H_
