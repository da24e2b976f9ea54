#include "draftp/train/step_policy.h"

#include <c10/util/Exception.h>

#include "draftp/train/step_batches.h"

namespace draftp {
namespace {

ShardingArguments ArgumentsOf(const TrainConfig& config, const TrainingSetup& setup) {
  ShardingArguments arguments = setup.model->Sharding();
  arguments.optimizer = OptimizerOptionsOf(config);
  arguments.ordered = SumsInOrder(config, setup.device);
  return arguments;
}

}  // namespace

AnyShardingPolicy MakeStepPolicy(const TrainConfig& config, const TrainingSetup& setup,
                                 World& world) {
  const auto* const member = kShardingPolicies.Find(config.sharding);
  TORCH_CHECK(member != nullptr, "no sharding policy ", config.sharding);
  ShardingArguments arguments = ArgumentsOf(config, setup);
  arguments.world = &world;
  return AnyShardingPolicy(member->make(arguments));
}

ShardingMemory StepPolicyMemory(const TrainConfig& config, const TrainingSetup& setup, int ranks) {
  const StepShare share = ShareOf(config, 0, ranks, SumsInOrder(config, setup.device));
  return ShardingMemoryOf(config.sharding, ArgumentsOf(config, setup), ranks, share.micro_batches);
}

const SdxlStepOptions& UnderPolicy(SdxlStepOptions& options, AnyShardingPolicy& policy,
                                   bool recompute) {
  options.unet_pieces = policy.Pieces(recompute);
  options.settle = [&policy] { policy.Settle(); };
  options.recorded = [&policy] { policy.Recorded(); };
  return options;
}

}  // namespace draftp
