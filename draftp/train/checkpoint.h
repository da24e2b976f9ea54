// Checkpoints of a training run: whole folders from which a run goes on as if it had never stopped.
#ifndef DRAFTP_TRAIN_CHECKPOINT_H_
#define DRAFTP_TRAIN_CHECKPOINT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "draftp/shard/any_sharding_policy.h"
#include "draftp/train/trainer_state.h"
#include "draftp/train/training_model.h"

namespace draftp {

// A checkpoint's folder, {output_dir}/checkpoints/step_00000100.
struct CheckpointFolder {
  std::string path;
  int64_t step;
};

std::string CheckpointPath(const std::string& output_dir, int64_t step);

// The whole checkpoints below `output_dir`, by step.
std::vector<CheckpointFolder> ListCheckpoints(const std::string& output_dir);

// The weights alone, where programs that draw look for them: {dir}/pytorch_lora_weights.safetensors
// with LoRA, or {dir}/unet. `values`: what to write, by the parameters' names.
absl::Status WriteTrainedWeights(const std::string& dir, const TrainingModel& model,
                                 const TrainConfig& config,
                                 const std::map<std::string, at::Tensor>& values);

// The same of a LoRA at `path`, in that dtype.
absl::Status WriteTrainedLora(const std::string& path, const TrainingModel& model,
                              const TrainConfig& config,
                              const std::map<std::string, at::Tensor>& values,
                              at::ScalarType dtype);

// Writes {output_dir}/checkpoints/step_NNNNNNNN whole or not at all:
//   pytorch_lora_weights.safetensors or unet/   float32
//   optimizer.safetensors                       moments and moving averages
//   trainer.json                                `record`
// `values` and `optimizer`: as ShardingPolicy's Values() and State() give them on rank 0.
absl::Status WriteCheckpoint(const std::string& output_dir, const TrainingModel& model,
                             const std::map<std::string, at::Tensor>& values,
                             const std::map<std::string, at::Tensor>& optimizer,
                             const TrainConfig& config, const CheckpointRecord& record);

// The trainer.json of a checkpoint's folder. DataLoss names it where it is torn.
absl::StatusOr<CheckpointRecord> ReadCheckpointRecord(const std::string& folder);

// Puts what a checkpoint's folder holds into `model` and `policy`, in whatever world and by
// whatever policy it was written. Errors name the file: torn, or of other trained layers.
absl::Status RestoreCheckpoint(const std::string& folder, const CheckpointRecord& record,
                               TrainingModel& model, AnyShardingPolicy& policy);

// Makes the trained weights of a checkpoint's folder those of `dir`, which must exist: the same
// files by hard links where that is possible.
absl::Status LinkTrainedWeights(const std::string& checkpoint, const std::string& dir, bool full);

// Removes all but the newest `keep` and the one of `best_step`.
absl::Status RemoveOldCheckpoints(const std::string& output_dir, int64_t keep, int64_t best_step);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_CHECKPOINT_H_
