// What rank 0 writes of a training run: checkpoints, weights, validations, report and record.
#ifndef DRAFTP_TRAIN_TRAINING_OUTPUT_H_
#define DRAFTP_TRAIN_TRAINING_OUTPUT_H_

#include <ATen/core/Tensor.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "draftp/run/output_folder.h"
#include "draftp/run/run_identity.h"
#include "draftp/run/run_record.h"
#include "draftp/train/train_config.h"
#include "draftp/train/trainer_state.h"
#include "draftp/train/training_log.h"
#include "draftp/train/training_model.h"
#include "draftp/train/training_report.h"
#include "draftp/train/validation.h"

namespace draftp {

// Errors name the file.
class TrainingOutput {
 public:
  using Tensors = std::map<std::string, at::Tensor>;  // by the parameters' names

  // All must outlive it. `identity` is asked for when a checkpoint is written, waits for the
  // hashes, and tells the record.
  TrainingOutput(const TrainConfig& config, const TrainingModel& model, OutputFolder& folder,
                 RunRecord& record, TrainingLog& log,
                 std::function<absl::StatusOr<RunIdentity>()> identity)
      : config_(config),
        model_(model),
        folder_(folder),
        record_(record),
        log_(log),
        identity_(std::move(identity)) {}

  TrainingLog& log() { return log_; }

  // A validation's sheet and its line in the log.
  absl::Status Write(const ValidationResult& result, const TrainerState& state, double seconds);

  // The checkpoint of `state` (checkpoint.h); with the `first` of a process the record, too.
  absl::Status Checkpoint(const Tensors& values, const Tensors& optimizer,
                          const TrainerState& state, int64_t optimizer_steps, bool first);

  // The adapter of the validation after `step`; removes those that --keep_adapters doesn't keep.
  absl::Status Adapter(const Tensors& values, int64_t step);

  // Steps of which the folder shows weights.
  struct Shown {
    int64_t step = 0;
    int64_t saved_step = -1;  // of the newest checkpoint; -1: none
    int64_t best_step = -1;   // -1: not known
    bool end = false;
  };
  // The newest weights: those of a checkpoint of the step, or with LoRA `values`; the best ones
  // where they are new, or in the end; moving averages unless empty.
  absl::Status Weights(const Tensors& values, const Tensors& averages, const Shown& shown);

  // The report; in the end also, of the weights that are in the folder, the card, and of a LoRA
  // kohya's file.
  absl::Status Report(const RunStatus& status, bool end);

  // The record of a run that ends; `why`: empty at the last step.
  absl::Status Finish(const TrainerState& state, const std::string& why, int ranks);

 private:
  const TrainConfig& config_;
  const TrainingModel& model_;
  OutputFolder& folder_;
  RunRecord& record_;
  TrainingLog& log_;
  std::function<absl::StatusOr<RunIdentity>()> identity_;
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINING_OUTPUT_H_
