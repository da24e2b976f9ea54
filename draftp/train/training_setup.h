// Everything that a training run needs before its first step, made from its settings.
#ifndef DRAFTP_TRAIN_TRAINING_SETUP_H_
#define DRAFTP_TRAIN_TRAINING_SETUP_H_

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "draftp/reward/composite_reward.h"
#include "draftp/run/compute_device.h"
#include "draftp/schedule/kl_schedule.h"
#include "draftp/schedule/learning_rate.h"
#include "draftp/shard/optimizer.h"
#include "draftp/train/micro_batch.h"
#include "draftp/train/train_config.h"
#include "draftp/train/training_model.h"

namespace draftp {

struct TrainingSetup {
  ComputeDevice device;
  std::vector<std::string> captions;             // of --prompts
  std::vector<std::string> validation_captions;  // the first --validation_images
  std::unique_ptr<TrainingModel> model;
  std::unique_ptr<CompositeReward> reward;
  std::unique_ptr<CompositeReward> held_out;  // null: none
  SdxlStepOptions options;
  AnyLearningRate learning_rate;
  AnyKlSchedule kl_schedule;
  std::vector<std::string> notices = {};  // of what was read and isn't used as it stands

  // Reads captions and models. Errors name flag or file.
  static absl::StatusOr<TrainingSetup> Make(const TrainConfig& config, const ComputeDevice& device,
                                            std::function<void(const std::string&)> warn);
};

// Whether gradients are summed sample by sample, so that micro batches, threads and worlds change
// no bit: --deterministic on a CPU.
bool SumsInOrder(const TrainConfig& config, const ComputeDevice& device);

// AdamW's settings.
OptimizerOptions OptimizerOptionsOf(const TrainConfig& config);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINING_SETUP_H_
