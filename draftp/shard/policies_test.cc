// The conformance suite of sharding policies: what one process does to its parameters, every policy
// does in every world.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <mutex>

#include "draftp/shard/any_sharding_policy.h"
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
Parameters Three() {
  Parameters parameters;
  const at::Tensor image = Random({2, 3, 2, 2}, 7).contiguous(at::MemoryFormat::ChannelsLast);
  for (const auto& [name, value] : std::vector<std::pair<std::string, at::Tensor>>{
           {"a", Random({5, 3}, 1)}, {"b", Random({7}, 2)}, {"image", image}}) {
    const at::Tensor leaf = value.clone().requires_grad_();
    parameters.push_back({name, leaf, leaf});
  }
  return parameters;
}

// The gradient of sample g at the parameters' values: they depend on both.
std::vector<at::Tensor> Gradient(const Parameters& parameters, int64_t step, int64_t sample) {
  std::vector<at::Tensor> gradients;
  for (size_t p = 0; p < parameters.size(); ++p) {
    const at::Tensor value = parameters[p].value.detach();
    gradients.push_back(Random(value.sizes(), 1000 * step + 10 * sample + p) + 0.1 * value);
  }
  return gradients;
}

// One step of a policy: rank r has samples r, r + ranks, ..., one a micro batch; the gradients come
// by parameter, the last first, as a backward pass gives them.
template <class P>
at::Tensor Step(P& policy, const Parameters& parameters, const World& world, int64_t step) {
  const int64_t count = kSamples / world.size();
  policy.Begin(count);
  for (int64_t m = 0; m < count; ++m) {
    std::vector<at::Tensor> gradients = Gradient(parameters, step, m * world.size() + world.rank());
    for (size_t p = gradients.size(); p-- > 0;) policy.Add(p, {gradients[p] / kSamples});
    policy.Finish();
  }
  const at::Tensor norm = policy.GradientNorm();
  policy.Step(0.01, norm);
  return norm;
}

// What one process, its optimiser alone, makes of ten steps.
struct Reference {
  Parameters parameters = Three();
  Optimizer optimizer{parameters, kOptions};
  std::vector<double> norms;
  Reference() {
    for (int64_t step = 0; step < 10; ++step) {
      for (int64_t sample = 0; sample < kSamples; ++sample) {
        std::vector<at::Tensor> gradients = Gradient(parameters, step, sample);
        for (at::Tensor& gradient : gradients) gradient = gradient / kSamples;
        optimizer.Add(0, gradients);
      }
      const at::Tensor norm = optimizer.GradientNorm();
      norms.push_back(norm.item<double>());
      optimizer.Step(0.01, norm);
    }
  }
};

// The 2-norm of the difference over all parameters, relative to their change from the start.
double RelativeDifference(const Parameters& a, const Parameters& b) {
  double difference = 0, change = 0;
  const Parameters start = Three();
  for (size_t p = 0; p < a.size(); ++p) {
    const auto square = [](const at::Tensor& x) {
      return x.to(at::kDouble).square().sum().item<double>();
    };
    difference += square((a[p].value - b[p].value).detach());
    change += square((b[p].value - start[p].value).detach());
  }
  return std::sqrt(difference / change);
}

struct Case {
  std::string policy;
  int ranks;
  bool ordered = false;
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.policy << " " << c.ranks; }
};

class ShardingPolicyTest : public testing::TestWithParam<Case> {
 protected:
  static AnyShardingPolicy Make(const Parameters& parameters, World& world) {
    return AnyShardingPolicy(kShardingPolicies.Find(GetParam().policy)
                                 ->make({.parameters = parameters,
                                         .optimizer = kOptions,
                                         .world = &world,
                                         .ordered = GetParam().ordered,
                                         .bucket_bytes = 100}));
  }
};

TEST_P(ShardingPolicyTest, TenStepsAreThoseOfOneProcess) {
  const Reference reference;
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three();
    AnyShardingPolicy policy = Make(parameters, world);
    for (int64_t step = 0; step < 10; ++step) {
      const at::Tensor norm = Step(policy, parameters, world, step);
      EXPECT_NEAR(norm.item<double>(), reference.norms[step], 1e-6 * reference.norms[step]);
    }
    EXPECT_LT(RelativeDifference(parameters, reference.parameters), 1e-5);
    EXPECT_EQ(policy.steps(), 10);
  });
}

TEST_P(ShardingPolicyTest, StateIsThatOfOneProcessOnRankZero) {
  const Reference reference;
  const auto expected = reference.optimizer.State();
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three();
    AnyShardingPolicy policy = Make(parameters, world);
    for (int64_t step = 0; step < 10; ++step) Step(policy, parameters, world, step);
    const auto state = policy.State();
    EXPECT_EQ(state.size(), world.first() ? expected.size() : 0);
    for (const auto& [name, tensor] : state) {
      ASSERT_TRUE(expected.contains(name)) << name;
      EXPECT_TRUE(at::allclose(tensor, expected.at(name), 1e-4, 1e-6)) << name;
    }
    EXPECT_EQ(policy.AveragedValues().size(), world.first() ? 3 : 0);
  });
}

// Saved after five steps in a world of this size and taken up by one of another: the same end.
TEST_P(ShardingPolicyTest, AStateGoesOnInAnyWorld) {
  const Reference reference;
  std::map<std::string, at::Tensor> state;
  Parameters saved;
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three();
    AnyShardingPolicy policy = Make(parameters, world);
    for (int64_t step = 0; step < 5; ++step) Step(policy, parameters, world, step);
    auto whole = policy.State();
    if (!world.first()) return;
    for (auto& [name, tensor] : whole) state[name] = tensor.clone();
    for (const Parameter& parameter : parameters)
      saved.push_back({parameter.name, parameter.value.detach().clone(), parameter.leaf});
  });
  for (const int ranks : {1, 2, 3}) {
    RunRanks(ranks, [&](World& world) {
      const Parameters parameters = Three();
      AnyShardingPolicy policy = Make(parameters, world);
      const at::NoGradGuard no_grad;
      for (size_t p = 0; p < parameters.size(); ++p)
        parameters[p].value.detach().copy_(saved[p].value);
      ASSERT_TRUE(policy.Restore(state, 5).ok());
      for (int64_t step = 5; step < 10; ++step) Step(policy, parameters, world, step);
      EXPECT_LT(RelativeDifference(parameters, reference.parameters), 1e-5);
    });
  }
}

TEST_P(ShardingPolicyTest, ANumberOfOneRankThatIsNotFiniteIsSeenByAllAndDropped) {
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three();
    AnyShardingPolicy policy = Make(parameters, world);
    policy.Begin(1);
    std::vector<at::Tensor> gradients = Gradient(parameters, 0, world.rank());
    if (world.rank() == world.size() - 1)
      gradients[1].fill_(std::numeric_limits<float>::quiet_NaN());
    policy.Add(0, gradients);
    policy.Finish();
    EXPECT_TRUE(std::isnan(policy.GradientNorm().item<double>()));
    policy.DropGradients();
    const Parameters start = Three();
    for (size_t p = 0; p < parameters.size(); ++p)
      EXPECT_TRUE(at::equal(parameters[p].value, start[p].value));
    EXPECT_TRUE(std::isfinite(Step(policy, parameters, world, 1).item<double>()));
  });
}

TEST_P(ShardingPolicyTest, AStateOfOtherTensorsIsRefused) {
  RunRanks(GetParam().ranks, [&](World& world) {
    const Parameters parameters = Three();
    AnyShardingPolicy policy = Make(parameters, world);
    std::map<std::string, at::Tensor> state;
    EXPECT_THAT(std::string(policy.Restore(state, 1).message()),
                testing::HasSubstr("found no tensor a.ema"));
  });
}

INSTANTIATE_TEST_SUITE_P(Policies, ShardingPolicyTest,
                         testing::Values(Case{"replicated", 1}, Case{"replicated", 2},
                                         Case{"replicated", 4}, Case{"replicated", 3, true},
                                         Case{"sharded_optimizer", 1}, Case{"sharded_optimizer", 2},
                                         Case{"sharded_optimizer", 4}),
                         [](const auto& param) {
                           return param.param.policy + std::to_string(param.param.ranks) +
                                  (param.param.ordered ? "Ordered" : "");
                         });

TEST(ReplicatedTest, InOrderEveryWorldGivesTheSameBits) {
  std::vector<Parameters> ends;
  std::mutex mutex;
  for (const int ranks : {1, 2, 3, 4}) {
    RunRanks(ranks, [&](World& world) {
      const Parameters parameters = Three();
      Replicated policy({.parameters = parameters,
                         .optimizer = kOptions,
                         .world = &world,
                         .ordered = true,
                         .bucket_bytes = 100});
      for (int64_t step = 0; step < 10; ++step) Step(policy, parameters, world, step);
      const std::lock_guard lock(mutex);
      ends.push_back(parameters);
    });
  }
  for (const Parameters& end : ends) {
    for (size_t p = 0; p < end.size(); ++p)
      EXPECT_TRUE(at::equal(end[p].value, ends[0][p].value)) << ends.size();
  }
}

}  // namespace
}  // namespace draftp
