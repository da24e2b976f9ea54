// The conformance suite of sharding policies: what one process does to its parameters, every policy
// does in every world.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <map>

#include "draftp/shard/any_sharding_policy.h"
#include "draftp/shard/weight_blocks.h"
#include "draftp/shard/world_fixture.h"

namespace draftp {
namespace {

constexpr int64_t kSamples = 12;  // of a step, all ranks together
constexpr OptimizerOptions kOptions{
    .weight_decay = 0.01, .gradient_clip_val = 1.0, .ema_decay = 0.9};

at::Tensor Random(at::IntArrayRef sizes, uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kFloat);
}

// Three parameters, of which one is channels-last; buckets of 100 bytes divide them unevenly.
Parameters Three(bool mixed = false) {
  Parameters parameters;
  const at::Tensor image = Random({2, 3, 2, 2}, 7).contiguous(at::MemoryFormat::ChannelsLast);
  for (const auto& [name, value] : std::vector<std::pair<std::string, at::Tensor>>{
           {"a", Random({5, 3}, 1)}, {"b", Random({7}, 2)}, {"image", image}}) {
    const at::Tensor leaf =
        mixed ? value.to(at::kBFloat16).requires_grad_() : value.clone().requires_grad_();
    parameters.push_back({name, mixed ? value.clone() : leaf, leaf});
  }
  return parameters;
}

// Two pieces, of "a" and of "image", and "b" between them.
const std::vector<std::vector<size_t>> kBlocks = {{0}, {2}};

// The gradients of sample g's loss at the parameters' values: they depend on both. Of what pieces
// hand to the policy themselves: undefined.
std::vector<at::Tensor> Gradient(const Parameters& parameters, const AnyPiecePolicy& pieces,
                                 int64_t step, int64_t sample, double factor = 1.0) {
  const at::AutoGradMode with_gradients(true);
  const at::Tensor a = parameters[0].leaf, b = parameters[1].leaf, image = parameters[2].leaf;
  const at::Tensor x =
      (factor * Random({3}, 1000 * step + 10 * sample)).to(a.scalar_type()).requires_grad_();
  at::Tensor y = pieces([a](at::TensorList in) { return at::matmul(a, in[0]).tanh(); }, {x},
                        [a] { return std::vector<at::Tensor>{a}; });
  y = at::cat({y, y.narrow(0, 0, 2)}) * b;
  y = pieces(
      [image](at::TensorList in) {
        return (image.reshape({24}) * at::cat({in[0], in[0], in[0], in[0].narrow(0, 0, 3)})).sin();
      },
      {y}, [image] { return std::vector<at::Tensor>{image}; });
  return torch::autograd::grad({y.to(at::kFloat).sum() / static_cast<double>(kSamples)},
                               {a, b, image}, {}, false, false, /*allow_unused=*/true);
}

// One step of a policy: rank r has samples r, r + ranks, ..., one a micro batch; the gradients come
// by parameter, the last first, as a backward pass gives them.
template <class P>
at::Tensor Step(P& policy, const Parameters& parameters, const World& world, int64_t step,
                double factor = 1.0) {
  const int64_t count = kSamples / world.size();
  const AnyPiecePolicy pieces = policy.Pieces(/*recompute=*/step % 2 == 0);
  policy.Begin(count);
  for (int64_t m = 0; m < count; ++m) {
    const std::vector<at::Tensor> gradients =
        Gradient(parameters, pieces, step, m * world.size() + world.rank(), factor);
    policy.Settle();
    for (size_t p = gradients.size(); p-- > 0;) policy.Add(p, {gradients[p]});
    policy.Finish();
  }
  return policy.GradientNorm();
}

template <class P>
at::Tensor StepAndUpdate(P& policy, const Parameters& parameters, const World& world,
                         int64_t step) {
  const at::Tensor norm = Step(policy, parameters, world, step);
  policy.Step(0.01, norm);
  return norm;
}

// What one process, its optimiser alone, makes of ten steps.
struct Reference {
  explicit Reference(bool mixed)
      : parameters(Three(mixed)), start(Three(mixed)), optimizer(parameters, kOptions) {
    for (int64_t step = 0; step < 10; ++step) {
      for (int64_t sample = 0; sample < kSamples; ++sample)
        optimizer.Add(0, Gradient(parameters, RunPieces(), step, sample));
      const at::Tensor norm = optimizer.GradientNorm();
      norms.push_back(norm.item<double>());
      optimizer.Step(0.01, norm);
    }
  }

  Parameters parameters, start;
  Optimizer optimizer;
  std::vector<double> norms;

  // The 2-norm of the difference from `values` over all parameters, relative to their change from
  // the start.
  double Distance(const std::map<std::string, at::Tensor>& values) const {
    double difference = 0, change = 0;
    for (size_t p = 0; p < parameters.size(); ++p) {
      const auto square = [](const at::Tensor& x) {
        return x.to(at::kDouble).square().sum().item<double>();
      };
      const at::Tensor value = parameters[p].value.detach();
      difference += square(values.at(parameters[p].name) - value);
      change += square(value - start[p].value.detach());
    }
    return std::sqrt(difference / change);
  }
};

struct Case {
  std::string policy;
  int ranks;
  bool ordered = false, mixed = false;
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.policy << " " << c.ranks; }
};

class ShardingPolicyTest : public ::testing::TestWithParam<Case> {
 protected:
  static AnyShardingPolicy Make(const Parameters& parameters, World& world) {
    return AnyShardingPolicy(kShardingPolicies.Find(GetParam().policy)
                                 ->make({.parameters = parameters,
                                         .blocks = kBlocks,
                                         .optimizer = kOptions,
                                         .world = &world,
                                         .ordered = GetParam().ordered,
                                         .bucket_bytes = 100}));
  }
  // bfloat16's rounding of a leaf may tip over where a sum's order differs.
  static double Near() { return GetParam().mixed ? 1e-3 : 1e-5; }
  static double NormNear() { return GetParam().mixed ? 1e-4 : 1e-6; }
};

TEST_P(ShardingPolicyTest, TenStepsAreThoseOfOneProcess) {
  const Reference reference(GetParam().mixed);
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three(GetParam().mixed);
    AnyShardingPolicy policy = Make(parameters, world);
    for (int64_t step = 0; step < 10; ++step) {
      const at::Tensor norm = StepAndUpdate(policy, parameters, world, step);
      EXPECT_NEAR(norm.item<double>(), reference.norms[step], NormNear() * reference.norms[step]);
    }
    const auto values = policy.Values();
    EXPECT_EQ(values.size(), world.first() ? 3 : 0);
    EXPECT_EQ(policy.steps(), 10);
    if (!world.first()) return;
    EXPECT_LT(reference.Distance(values), Near());
  });
}

TEST_P(ShardingPolicyTest, StateIsThatOfOneProcessOnRankZero) {
  const Reference reference(GetParam().mixed);
  const auto expected = reference.optimizer.State();
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three(GetParam().mixed);
    AnyShardingPolicy policy = Make(parameters, world);
    for (int64_t step = 0; step < 10; ++step) StepAndUpdate(policy, parameters, world, step);
    const auto state = policy.State();
    EXPECT_EQ(state.size(), world.first() ? expected.size() : 0);
    for (const auto& [name, tensor] : state) {
      ASSERT_TRUE(expected.contains(name)) << name;
      EXPECT_TRUE(at::allclose(tensor, expected.at(name), 100 * NormNear(), 1e-6)) << name;
    }
    EXPECT_EQ(policy.AveragedValues().size(), world.first() ? 3 : 0);
  });
}

// Saved after five steps in a world of this size and taken up by one of another: the same end.
TEST_P(ShardingPolicyTest, AStateGoesOnInAnyWorld) {
  const Reference reference(GetParam().mixed);
  std::map<std::string, at::Tensor> state, saved;
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three(GetParam().mixed);
    AnyShardingPolicy policy = Make(parameters, world);
    for (int64_t step = 0; step < 5; ++step) StepAndUpdate(policy, parameters, world, step);
    const auto whole = policy.State(), values = policy.Values();
    for (const auto& [name, tensor] : whole) state[name] = tensor.clone();
    for (const auto& [name, tensor] : values) saved[name] = tensor.clone();
  });
  for (const int ranks : {1, 2, 3}) {
    RunRanks(ranks, [&](World& world) {
      const Parameters parameters = Three(GetParam().mixed);
      AnyShardingPolicy policy = Make(parameters, world);
      ASSERT_TRUE(policy.Restore(saved, state, 5).ok());
      for (int64_t step = 5; step < 10; ++step) StepAndUpdate(policy, parameters, world, step);
      const auto values = policy.Values();
      if (!world.first()) return;
      EXPECT_LT(reference.Distance(values), Near());
    });
  }
}

TEST_P(ShardingPolicyTest, ANumberOfOneRankThatIsNotFiniteIsSeenByAllAndDropped) {
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three(GetParam().mixed);
    AnyShardingPolicy policy = Make(parameters, world);
    const double factor =
        world.rank() == world.size() - 1 ? std::numeric_limits<double>::quiet_NaN() : 1.0;
    EXPECT_TRUE(std::isnan(Step(policy, parameters, world, 0, factor).item<double>()));
    policy.DropGradients();
    const auto values = policy.Values();
    const Parameters start = Three(GetParam().mixed);
    for (const Parameter& parameter : start) {
      if (!world.first()) continue;
      EXPECT_TRUE(at::equal(values.at(parameter.name), parameter.value));
    }
    EXPECT_TRUE(std::isfinite(Step(policy, parameters, world, 1).item<double>()));
  });
}

// What warm-ups of a recording add is taken back, within the window that it begins.
TEST_P(ShardingPolicyTest, WhatARecordingRanCountsForNothing) {
  const Reference reference(GetParam().mixed);
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three(GetParam().mixed);
    AnyShardingPolicy policy = Make(parameters, world);
    const AnyPiecePolicy pieces = policy.Pieces(/*recompute=*/true);
    const int64_t count = kSamples / world.size();
    policy.Begin(count);
    Gradient(parameters, pieces, 7, 5);
    policy.Settle();
    policy.Recorded();
    for (int64_t m = 0; m < count; ++m) {
      const auto gradients = Gradient(parameters, pieces, 0, m * world.size() + world.rank());
      policy.Settle();
      policy.Add(0, gradients);
      policy.Finish();
    }
    EXPECT_NEAR(policy.GradientNorm().item<double>(), reference.norms[0],
                NormNear() * reference.norms[0]);
  });
}

TEST_P(ShardingPolicyTest, AStateOfOtherTensorsIsRefused) {
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three(GetParam().mixed);
    AnyShardingPolicy policy = Make(parameters, world);
    std::map<std::string, at::Tensor> values, state;
    for (const Parameter& parameter : Three()) values[parameter.name] = parameter.value.detach();
    EXPECT_THAT(std::string(policy.Restore(values, state, 1).message()),
                ::testing::HasSubstr("found no tensor a.ema"));
  });
}

INSTANTIATE_TEST_SUITE_P(
    Policies, ShardingPolicyTest,
    ::testing::Values(Case{"replicated", 1}, Case{"replicated", 2}, Case{"replicated", 4},
                      Case{"replicated", 3, true}, Case{"sharded_optimizer", 3, true},
                      Case{"fully_sharded", 3, true}, Case{"sharded_optimizer", 1},
                      Case{"sharded_optimizer", 2}, Case{"sharded_optimizer", 4},
                      Case{"fully_sharded", 1}, Case{"fully_sharded", 2}, Case{"fully_sharded", 4},
                      Case{"fully_sharded", 3, false, true},
                      Case{"sharded_optimizer", 2, false, true}),
    [](const auto& param) {
      return param.param.policy + std::to_string(param.param.ranks) +
             (param.param.ordered ? "Ordered" : "") + (param.param.mixed ? "Mixed" : "");
    });

// A network that isn't trained, with an adapter that is: the network's weights have no memory but
// while their piece runs, and the adapter's gradients come as usual.
TEST(FullyShardedTest, FrozenBlocksAreThereWhileTheirPieceRuns) {
  const auto network = [](const AnyPiecePolicy& pieces, const std::vector<at::Tensor>& weights,
                          const at::Tensor& adapter) {
    at::Tensor y = Random({4}, 3);
    for (const at::Tensor& w : weights) {
      y = pieces(
          [w, adapter](at::TensorList in) { return (at::matmul(w, in[0]) * adapter).tanh(); }, {y},
          [w, adapter] { return std::vector<at::Tensor>{w, adapter}; });
    }
    return y;
  };
  const auto weights = [] {
    std::vector<at::Tensor> made;
    for (uint64_t i = 0; i < 5; ++i) made.push_back(Random({4, 4}, i));
    return made;
  };
  const auto adapter = [] { return Random({4}, 9).requires_grad_(); };
  const at::Tensor plain_adapter = adapter();
  const at::Tensor expected = network(RunPieces(), weights(), plain_adapter);
  const at::Tensor expected_gradient = torch::autograd::grad({expected.sum()}, {plain_adapter})[0];
  RunRanks(3, [&](World& world) {
    const std::vector<at::Tensor> sharded = weights();
    const at::Tensor leaf = adapter();
    std::vector<std::vector<at::Tensor>> blocks;
    for (const at::Tensor& w : sharded) blocks.push_back({w});
    FullySharded policy({.parameters = {{"adapter", leaf, leaf}},
                         .frozen_blocks = blocks,
                         .optimizer = kOptions,
                         .world = &world});
    for (const bool recompute : {false, true, true}) {
      const AnyPiecePolicy pieces = policy.Pieces(recompute);
      {
        const at::NoGradGuard no_grad;
        EXPECT_TRUE(at::equal(network(pieces, sharded, leaf), expected));
      }
      const at::AutoGradMode with_gradients(true);
      const at::Tensor y = network(pieces, sharded, leaf);
      EXPECT_TRUE(at::equal(y, expected));
      EXPECT_TRUE(at::equal(torch::autograd::grad({y.sum()}, {leaf})[0], expected_gradient));
      policy.Settle();
      for (const at::Tensor& w : sharded) EXPECT_EQ(w.storage().data(), nullptr);
    }
  });
}

// Of blocks that follow each other as they did before, the next is gathered while one is used.
TEST(WeightBlocksTest, TheNextBlockIsThereBeforeItIsUsed) {
  RunRanks(2, [&](World& world) {
    WeightBlocks blocks(DividedAmong(&world));
    std::vector<at::Tensor> weights;
    for (uint64_t i = 0; i < 4; ++i) {
      weights.push_back(Random({6}, i));
      blocks.Add({weights.back()});
    }
    const auto there = [&](size_t i) { return weights[i].storage().data() != nullptr; };
    for (int round = 0; round < 2; ++round) {
      for (size_t i = 0; i < 4; ++i) {
        blocks.Use(i, WeightBlocks::Pass::kForward);
        EXPECT_TRUE(at::equal(weights[i], Random({6}, i)));
        if (i == 3) continue;
        EXPECT_EQ(there(i + 1), round == 1);
      }
      blocks.Settle();
      EXPECT_FALSE(there(3));
    }
    // A wrong guess gives way.
    blocks.Use(1, WeightBlocks::Pass::kForward);
    EXPECT_TRUE(there(2));
    blocks.Use(0, WeightBlocks::Pass::kForward);
    EXPECT_TRUE(at::equal(weights[0], Random({6}, 0)));
    blocks.Settle();
  });
}

// By the policy, from one process to four.
void ExpectSameBitsInOrder(const std::string& policy) {
  std::vector<std::map<std::string, at::Tensor>> ends;
  for (const int ranks : {1, 2, 3, 4}) {
    RunRanks(ranks, [&](World& world) {
      const Parameters parameters = Three();
      AnyShardingPolicy member(kShardingPolicies.Find(policy)->make({.parameters = parameters,
                                                                     .blocks = kBlocks,
                                                                     .optimizer = kOptions,
                                                                     .world = &world,
                                                                     .ordered = true,
                                                                     .bucket_bytes = 100}));
      for (int64_t step = 0; step < 10; ++step) StepAndUpdate(member, parameters, world, step);
      auto end = member.Values(), state = member.State();
      end.merge(state);
      if (world.first()) ends.push_back(std::move(end));
    });
    for (const auto& [name, tensor] : ends.back())
      EXPECT_TRUE(at::equal(tensor, ends[0].at(name))) << policy << " on " << ranks << ": " << name;
  }
}

TEST(OrderedSums, GiveTheSameBitsInEveryWorldByEveryPolicy) {
  for (const auto& member : kShardingPolicies) ExpectSameBitsInOrder(std::string(member.name));
}

}  // namespace
}  // namespace draftp
