// Checkpoints of a training run: whole folders from which a run goes on as if it had never stopped.
#ifndef DRAFTP_TRAIN_CHECKPOINT_H_
#define DRAFTP_TRAIN_CHECKPOINT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "draftp/train/optimizer.h"
#include "draftp/train/training_model.h"

namespace draftp {

// What a run carries from step to step besides parameters and optimiser. Noise, captions and random
// objectives are functions of seed and step, so no generator has a state.
struct TrainerState {
  int64_t step = 0;  // optimiser steps behind it, and the index of the next
  int64_t consumed_samples = 0;
  double kl_coefficient = 0;          // for the next step
  int64_t skipped_steps = 0;          // non-finite ones, in all
  int64_t skipped_in_a_row = 0;       // and just now
  std::optional<double> best_reward;  // of the validations so far
  int64_t best_step = 0;

  friend bool operator==(const TrainerState&, const TrainerState&) = default;
};

// A checkpoint's folder, {output_dir}/checkpoints/step_00000100.
struct CheckpointFolder {
  std::string path;
  int64_t step;
};

// The whole checkpoints below `output_dir`, by step.
std::vector<CheckpointFolder> ListCheckpoints(const std::string& output_dir);

// The weights alone, where programs that draw look for them: {dir}/pytorch_lora_weights.safetensors
// with LoRA, or {dir}/unet. `averages`: values to write instead, by name; empty: the parameters'.
absl::Status WriteTrainedWeights(const std::string& dir, const TrainingModel& model,
                                 const TrainConfig& config,
                                 const std::map<std::string, at::Tensor>& averages = {});

// Writes {output_dir}/checkpoints/step_NNNNNNNN whole or not at all:
//   pytorch_lora_weights.safetensors or unet/   float32
//   optimizer.safetensors                       moments and moving averages
//   trainer.json                                TrainerState, the model's fingerprint, the config
absl::Status WriteCheckpoint(const std::string& output_dir, const TrainingModel& model,
                             const Optimizer& optimizer, const TrainerState& state,
                             const TrainConfig& config);

// Puts what a checkpoint's folder holds into `model` and `optimizer`. `notices` gets a line for
// each setting that has changed since. Errors name the file: torn, of another base model, of other
// trained layers.
absl::StatusOr<TrainerState> ReadCheckpoint(const std::string& folder, TrainingModel& model,
                                            Optimizer& optimizer, const TrainConfig& config,
                                            std::vector<std::string>& notices);

// Removes all but the newest `keep` and the one of `best_step`.
absl::Status RemoveOldCheckpoints(const std::string& output_dir, int64_t keep, int64_t best_step);

// A short text that tells base models apart: sizes, beginnings and ends of their weight files.
absl::StatusOr<std::string> ModelFingerprint(const SdxlModel& model);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_CHECKPOINT_H_
