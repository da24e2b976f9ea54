// Text encoders, decoder and rewards that are divided among ranks, against one process that has all
// of them whole.
#include "draftp/train/step_policy.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "draftp/reward/clip_towers.h"
#include "draftp/shard/world_fixture.h"
#include "draftp/testing/kept_bytes.h"
#include "draftp/train/sdxl_step.h"
#include "draftp/train/small_training.h"
#include "draftp/train/validation.h"

namespace draftp {
namespace {

using testing::HashTensor;
using testing::Value;

// With an empty prompt that is encoded, and an adapter that isn't zero. In float64, where nothing
// is packed: the same operations on the same numbers.
std::unique_ptr<TrainingSetup> FrozenSetup(const TrainConfig& config,
                                           at::ScalarType dtype = at::kDouble) {
  const ComputeDevice device{.network = testing::OnCpu(dtype), .name = "cpu", .notice = ""};
  auto setup = std::make_unique<TrainingSetup>(Value(TrainingSetup::Make(config, device, {})));
  SdxlModel sdxl = testing::TinySdxl(dtype);
  sdxl.config.force_zeros_for_empty_prompt = false;
  setup->model = Value(TrainingModel::Make(std::move(sdxl), config));
  std::map<std::string, std::vector<int64_t>> sizes;
  for (const Parameter& parameter : setup->model->parameters())
    sizes[parameter.name] = parameter.leaf.sizes().vec();
  testing::SetParameters(setup->model->parameters(), [&](const std::string& name) {
    return 0.1 * HashTensor(name, sizes.at(name));
  });
  return setup;
}

TrainConfig FrozenConfig(bool shard_frozen, bool recompute = false) {
  TrainConfig config = testing::Small("");
  config.validation_reward = config.reward;
  config.sharding = "fully_sharded";
  config.shard_frozen = shard_frozen;
  config.activation_checkpointing = recompute;
  config.validation_images = 3;
  config.images_per_prompt = 1;
  return config;
}

struct SampleOutcome {
  at::Tensor rewards;
  std::vector<at::Tensor> gradients;
};

SampleOutcome RunSample(SdxlTrainStep& step, int64_t sample) {
  const std::vector<std::string> captions = {"a red circle", "two blue squares on a wall", "sky"};
  GradientSum sum;
  const std::vector<int64_t> samples = {sample};
  const auto result = step.Run(0, samples, {&captions.at(sample), 1}, 0.1, 1.0, sum);
  EXPECT_TRUE(result.ok()) << result.status();
  return {result->rewards, sum.Take()};
}

// One process with everything whole and its activations kept.
std::vector<SampleOutcome> WholeOutcomes() {
  const auto setup = FrozenSetup(FrozenConfig(/*shard_frozen=*/false));
  SdxlTrainStep step(*setup->model, *setup->reward, setup->options);
  std::vector<SampleOutcome> outcomes;
  for (int64_t sample = 0; sample < 3; ++sample) outcomes.push_back(RunSample(step, sample));
  return outcomes;
}

// What --shard_frozen divides.
std::vector<at::Tensor> DividedWeights(const TrainingSetup& setup) {
  const SdxlModel& sdxl = setup.model->sdxl();
  std::vector<at::Tensor> tensors;
  const auto add = [&tensors](const std::vector<at::Tensor>& more) {
    tensors.insert(tensors.end(), more.begin(), more.end());
  };
  const auto add_layers = [&](const std::vector<ClipLayer>& layers) {
    for (const ClipLayer& layer : layers) add(TensorsOf(layer));
  };
  add_layers(sdxl.text_encoders.first.layers);
  add_layers(sdxl.text_encoders.second.layers);
  add(TensorsOf(sdxl.vae.mid_block));
  for (const VaeUpBlock& block : sdxl.vae.up_blocks) add(TensorsOf(block));
  for (const CompositeReward* reward : {setup.reward.get(), setup.held_out.get()}) {
    const auto& towers = reward->members()[0].reward.As<ClipReward>()->towers();
    add_layers(towers.text.layers);
    add_layers(towers.image.layers);
  }
  return tensors;
}

void ExpectSameBitsWithDividedParts(int ranks, bool recompute,
                                    const std::vector<SampleOutcome>& expected) {
  RunRanks(ranks, [&](World& world) {
    const TrainConfig config = FrozenConfig(/*shard_frozen=*/true, recompute);
    const auto setup = FrozenSetup(config);
    const std::vector<at::Tensor> divided = DividedWeights(*setup);
    AnyShardingPolicy policy = MakeStepPolicy(config, *setup, world);
    SdxlTrainStep step(*setup->model, *setup->reward, UnderPolicy(config, *setup, policy));
    policy.Begin(2);
    for (int64_t round = 0; round < 2; ++round) {
      const int64_t sample = (round + world.rank()) % 3;
      const SampleOutcome outcome = RunSample(step, sample);
      EXPECT_TRUE(at::equal(outcome.rewards, expected[sample].rewards)) << sample;
      ASSERT_EQ(outcome.gradients.size(), expected[sample].gradients.size());
      for (size_t i = 0; i < outcome.gradients.size(); ++i) {
        EXPECT_TRUE(at::equal(outcome.gradients[i], expected[sample].gradients[i]))
            << setup->model->parameters()[i].name;
      }
      for (const at::Tensor& weight : divided) ASSERT_EQ(weight.storage().data(), nullptr);
    }
  });
}

TEST(ShardFrozen, GivesTheRewardsAndGradientsOfWholeParts) {
  const std::vector<SampleOutcome> expected = WholeOutcomes();
  EXPECT_GT(expected[0].gradients[0].abs().max().item<double>(), 0);
  ExpectSameBitsWithDividedParts(2, /*recompute=*/true, expected);
  ExpectSameBitsWithDividedParts(3, /*recompute=*/false, expected);
}

ValidationScores ScoresOf(const TrainingSetup& setup, World* world) {
  Validation validation(*setup.model, *setup.reward, setup.held_out.get(), setup.options,
                        {.prompts = setup.validation_captions,
                         .images_per_prompt = 1,
                         .batch_size = 2,
                         .world = world});
  return Value(validation.Run()).scores;
}

// Three pictures in batches of two: ranks have two and one, or one each. In float32, as pictures
// need it, and unpacked.
TEST(ShardFrozen, AValidationsRanksWithFewerPicturesDecodeAlong) {
  const ValidationScores expected = ScoresOf(*FrozenSetup(FrozenConfig(true), at::kFloat), nullptr);
  for (const int ranks : {2, 3}) {
    RunRanks(ranks, [&](World& world) {
      const TrainConfig config = FrozenConfig(/*shard_frozen=*/true);
      const auto setup = FrozenSetup(config, at::kFloat);
      AnyShardingPolicy policy = MakeStepPolicy(config, *setup, world);
      UnderPolicy(config, *setup, policy);
      const ValidationScores scores = ScoresOf(*setup, &world);
      policy.Settle();
      EXPECT_NEAR(scores.tuned.reward, expected.tuned.reward, 1e-3);
      EXPECT_NEAR(scores.tuned.held_out, expected.tuned.held_out, 1e-3);
      EXPECT_NEAR(scores.base.reward, expected.base.reward, 1e-3);
      EXPECT_NEAR(scores.drift, expected.drift, 1e-3 * expected.drift);
      EXPECT_GT(scores.drift, 0);
    });
  }
}

// Bytes that a rank lets go of where the policy is made, by LibTorch's allocator, and what it
// tells.
struct Released {
  int64_t bytes;
  StepMemory told;
};

Released ReleasedOf(int ranks, bool shard_frozen) {
  Released released{};
  RunRanks(ranks, [&](World& world) {
    const TrainConfig config = FrozenConfig(shard_frozen);
    const testing::KeptBytes held;
    const auto setup = FrozenSetup(config);
    const StepMemory told = StepPolicyMemory(config, *setup, world.size());
    const int64_t before = held();
    AnyShardingPolicy policy = MakeStepPolicy(config, *setup, world);
    if (world.first()) released = {before - held(), told};
  });
  return released;
}

TEST(ShardFrozen, ARankLetsGoOfWhatIsTold) {
  const auto setup = FrozenSetup(FrozenConfig(true));
  int64_t whole = 0;
  for (const at::Tensor& weight : DividedWeights(*setup))
    whole += static_cast<int64_t>(weight.nbytes());
  for (const int ranks : {2, 3}) {
    const Released networks = ReleasedOf(ranks, false), all = ReleasedOf(ranks, true);
    const auto more = static_cast<double>(all.bytes - networks.bytes);
    const double expected = static_cast<double>(whole) * (1.0 - 1.0 / ranks);
    EXPECT_NEAR(more, expected, 0.01 * expected);
    const StepMemory& told = all.told;
    EXPECT_NEAR(more, told.text_gone + told.decoder_gone + told.rewards_gone, 0.001 * expected);
    EXPECT_GT(std::min({told.text_gone, told.decoder_gone, told.rewards_gone}), 0);
    EXPECT_EQ(told.unet_gone(), networks.told.frozen_gone);
    EXPECT_EQ(networks.told.text_gone + networks.told.decoder_gone + networks.told.rewards_gone, 0);
  }
}

}  // namespace
}  // namespace draftp
