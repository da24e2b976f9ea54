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

// What each of so many ranks will hold by it, and what of frozen_gone --shard_frozen adds, by part.
struct StepMemory : ShardingMemory {
  int64_t text_gone = 0, decoder_gone = 0, rewards_gone = 0;
  int64_t unet_gone() const { return frozen_gone - text_gone - decoder_gone - rewards_gone; }
};
StepMemory StepPolicyMemory(const TrainConfig& config, const TrainingSetup& setup, int ranks);

// Lets the networks' pieces run as the policy says, in steps and validations; with --shard_frozen
// those of text encoders, decoder and rewards, too. -> setup.options. The policy must outlive all
// runs.
const SdxlStepOptions& UnderPolicy(const TrainConfig& config, TrainingSetup& setup,
                                   AnyShardingPolicy& policy);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_STEP_POLICY_H_
