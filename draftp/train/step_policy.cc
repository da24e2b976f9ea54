#include "draftp/train/step_policy.h"

#include <c10/util/Exception.h>

#include <vector>

#include "draftp/reward/clip_towers.h"
#include "draftp/train/step_batches.h"

namespace draftp {
namespace {

using Blocks = std::vector<std::vector<at::Tensor>>;

// What --shard_frozen divides, piece by piece; nothing without it.
struct FrozenParts {
  Blocks text, decoder, rewards;
};

void Append(const Blocks& more, Blocks& blocks) {
  blocks.insert(blocks.end(), more.begin(), more.end());
}

FrozenParts FrozenPartsOf(const TrainConfig& config, const TrainingSetup& setup) {
  FrozenParts parts;
  if (!config.shard_frozen) return parts;
  const SdxlModel& sdxl = setup.model->sdxl();
  if (sdxl.idle_text_encoders == nullptr) {  // else they are on the host
    for (const ClipText* text : {&sdxl.text_encoders.first, &sdxl.text_encoders.second})
      Append(PieceWeights(text->layers), parts.text);
  }
  parts.decoder = PieceWeights(sdxl.vae);
  for (const CompositeReward* reward : {setup.reward.get(), setup.held_out.get()}) {
    if (reward == nullptr) continue;
    for (const RewardMember& member : reward->members()) {
      const auto* clip = member.reward.As<ClipReward>();
      if (clip == nullptr) continue;
      Append(PieceWeights(clip->towers().text.layers), parts.rewards);
      Append(PieceWeights(clip->towers().image.layers), parts.rewards);
    }
  }
  return parts;
}

ShardingArguments ArgumentsOf(const TrainConfig& config, const TrainingSetup& setup,
                              const FrozenParts& frozen) {
  ShardingArguments arguments = setup.model->Sharding();
  for (const Blocks* part : {&frozen.text, &frozen.decoder, &frozen.rewards})
    Append(*part, arguments.frozen_blocks);
  arguments.optimizer = OptimizerOptionsOf(config);
  arguments.ordered = SumsInOrder(config, setup.device);
  return arguments;
}

}  // namespace

AnyShardingPolicy MakeStepPolicy(const TrainConfig& config, const TrainingSetup& setup,
                                 World& world) {
  const auto* const member = kShardingPolicies.Find(config.sharding);
  TORCH_CHECK(member != nullptr, "no sharding policy ", config.sharding);
  ShardingArguments arguments = ArgumentsOf(config, setup, FrozenPartsOf(config, setup));
  arguments.world = &world;
  return AnyShardingPolicy(member->make(arguments));
}

StepMemory StepPolicyMemory(const TrainConfig& config, const TrainingSetup& setup, int ranks) {
  const bool ordered = SumsInOrder(config, setup.device);
  const StepShare share = ShareOf(config, 0, ranks, ordered);
  const FrozenParts frozen = FrozenPartsOf(config, setup);
  const auto gone = [&](const Blocks& part) {
    const ShardingArguments alone{.parameters = {}, .frozen_blocks = part, .ordered = ordered};
    return ShardingMemoryOf(config.sharding, alone, ranks, 1).frozen_gone;
  };
  return {ShardingMemoryOf(config.sharding, ArgumentsOf(config, setup, frozen), ranks,
                           share.micro_batches),
          gone(frozen.text), gone(frozen.decoder), gone(frozen.rewards)};
}

const SdxlStepOptions& UnderPolicy(const TrainConfig& config, TrainingSetup& setup,
                                   AnyShardingPolicy& policy) {
  SdxlStepOptions& options = setup.options;
  options.unet_pieces = policy.Pieces(config.Recomputes("unet"));
  options.settle = [&policy] { policy.Settle(); };
  options.recorded = [&policy] { policy.Recorded(); };
  if (!config.shard_frozen) return options;
  if (setup.model->sdxl().idle_text_encoders == nullptr)
    options.text_pieces = policy.Pieces(/*recompute=*/false);
  options.decoder_pieces = policy.Pieces(config.Recomputes("decoder"));
  for (CompositeReward* reward : {setup.reward.get(), setup.held_out.get()}) {
    if (reward != nullptr) reward->SetPieces(policy.Pieces(config.Recomputes("reward")));
  }
  return options;
}

}  // namespace draftp
