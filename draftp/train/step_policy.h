// How a run's ranks share out what a training step changes, as --sharding says.
#ifndef DRAFTP_TRAIN_STEP_POLICY_H_
#define DRAFTP_TRAIN_STEP_POLICY_H_

#include <cstdint>

#include "draftp/shard/any_sharding_policy.h"
#include "draftp/shard/world.h"
#include "draftp/train/micro_batch.h"
#include "draftp/train/train_config.h"
#include "draftp/train/training_setup.h"

namespace draftp {

// Of the model's parameters and blocks. All ranks call it; from here on the blocks' weights may be
// elsewhere. Model and world must outlive it.
AnyShardingPolicy MakeStepPolicy(const TrainConfig& config, const TrainingSetup& setup,
                                 World& world);

// What each of so many ranks will hold by it.
ShardingMemory StepPolicyMemory(const TrainConfig& config, const TrainingSetup& setup, int ranks);

// The options of steps and validations whose networks' pieces run as the policy says. It must
// outlive them.
const SdxlStepOptions& UnderPolicy(SdxlStepOptions& options, AnyShardingPolicy& policy,
                                   bool recompute);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_STEP_POLICY_H_
