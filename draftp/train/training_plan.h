// What a training run would do, hold, draw and write, told before it does any of it: --dry_run.
#ifndef DRAFTP_TRAIN_TRAINING_PLAN_H_
#define DRAFTP_TRAIN_TRAINING_PLAN_H_

#include <absl/status/status.h>

#include <ostream>
#include <string>

#include "draftp/shard/world.h"
#include "draftp/train/train_config.h"
#include "draftp/train/training_setup.h"

namespace draftp {

// What is trained (as it is, whatever the flags say) and for how long: two lines.
std::string DescribeTraining(const TrainConfig& config, const TrainingSetup& setup);

// That, and memory of each of `ranks` processes and disk by kind. `setup` must be as Make leaves
// it.
std::string DescribePlan(const TrainConfig& config, const TrainingSetup& setup, int ranks);

// Writes DescribePlan to `log`; with --dry_run=probe also takes a step and draws a validation's
// first picture, and says their seconds, the run's and this rank's peak of memory. Touches no file.
// All ranks call it.
absl::Status DryRunTraining(const TrainConfig& config, TrainingSetup& setup, World& world,
                            std::ostream& log);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAINING_PLAN_H_
