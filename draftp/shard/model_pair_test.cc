#include "draftp/shard/model_pair.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "draftp/sampling/guiders.h"
#include "draftp/sampling/mixture_denoiser.h"
#include "draftp/schedule/parse_weighing.h"
#include "draftp/shard/world_fixture.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr auto kUnconditional = Condition::kUnconditional, kConditional = Condition::kConditional;
constexpr RowGroup kBaseU{0, kUnconditional}, kBaseC{0, kConditional}, kTunedU{1, kUnconditional},
    kTunedC{1, kConditional};
using Groups = std::vector<RowGroup>;

// Every row group's images differ, by value and by place, and so do those of other times.
struct FakePredictor {
  at::ScalarType dtype = at::kFloat;
  std::vector<Groups> calls = {};

  at::Tensor operator()(const at::Tensor& x, double time, std::span<const RowGroup> rows) {
    calls.emplace_back(rows.begin(), rows.end());
    std::vector<at::Tensor> outputs;
    for (const RowGroup& row : rows) {
      const double slope = row.model * 3.0 + (row.condition == kConditional ? 1.7 : 0.6);
      outputs.push_back((x * slope + time * x.square()).to(dtype));
    }
    // As networks on a GPU give it.
    return at::cat(outputs).contiguous(at::MemoryFormat::ChannelsLast);
  }
};

at::Tensor Images(int64_t batch = 3) {
  return at::randn({batch, 4, 2, 5}, at::detail::createCPUGenerator(7), at::kFloat);
}

// What each of two ranks evaluates of `rows`; both must get what one predictor gives alone.
std::array<Groups, 2> Evaluated(const Groups& rows, at::ScalarType dtype = at::kFloat) {
  FakePredictor alone{dtype};
  const at::Tensor whole = alone(Images(), 0.3, rows);
  std::array<Groups, 2> evaluated;
  RunRanks(2, [&](World& world) {
    FakePredictor own{dtype};
    ModelPair pair(own, &world);
    const at::Tensor output = pair(Images(), 0.3, rows);
    EXPECT_EQ(output.scalar_type(), dtype);
    EXPECT_TRUE(at::equal(output, whole)) << "rank " << world.rank();
    ASSERT_THAT(own.calls, SizeIs(1));
    evaluated[world.rank()] = own.calls[0];
  });
  return evaluated;
}

TEST(ModelPairTest, EachRankHasAModelWhereAStepHasBoth) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const auto [first, second] = Evaluated({kBaseU, kBaseC, kTunedU, kTunedC}, dtype);
    EXPECT_THAT(first, ElementsAre(kBaseU, kBaseC));
    EXPECT_THAT(second, ElementsAre(kTunedU, kTunedC));
  }
  const auto [first, second] = Evaluated({kBaseC, kTunedC});  // guidance 1
  EXPECT_THAT(first, ElementsAre(kBaseC));
  EXPECT_THAT(second, ElementsAre(kTunedC));
}

TEST(ModelPairTest, EachRankHasAConditionWhereAStepHasOneModel) {
  for (const int model : {0, 1}) {
    const RowGroup u{model, kUnconditional}, c{model, kConditional};
    const auto [first, second] = Evaluated({u, c});
    EXPECT_THAT(first, ElementsAre(u));
    EXPECT_THAT(second, ElementsAre(c));
  }
}

TEST(ModelPairTest, OneGroupIsEvaluatedByBoth) {
  const auto [first, second] = Evaluated({kTunedC});
  EXPECT_THAT(first, ElementsAre(kTunedC));
  EXPECT_THAT(second, ElementsAre(kTunedC));
}

TEST(ModelPairTest, HalvesMayBeUnequal) {
  const auto [first, second] = Evaluated({kBaseC, kTunedU, kTunedC});
  EXPECT_THAT(first, ElementsAre(kBaseC));
  EXPECT_THAT(second, ElementsAre(kTunedU, kTunedC));
  EXPECT_THAT(Evaluated({kBaseU, kBaseC, kTunedC})[1], ElementsAre(kTunedC));
}

TEST(ModelPairTest, ModelsStayWholeNearestTheMiddle) {
  const RowGroup u{2, kUnconditional}, c{2, kConditional};
  const auto [first, second] = Evaluated({kBaseC, kTunedU, kTunedC, u, c});
  EXPECT_THAT(first, ElementsAre(kBaseC, kTunedU, kTunedC));
  EXPECT_THAT(second, ElementsAre(u, c));
}

template <class P>
at::Tensor Denoised(P& predictor, const std::string& weight) {
  const at::NoGradGuard no_grad;
  const ClassifierFreeGuider guider(7.5);
  MixtureDenoiser<P, DiscreteEpsilon, ClassifierFreeGuider> denoiser(
      predictor, DiscreteEpsilon(DdpmTable::Standard()), {0, guider},
      {{1, *ParseWeighing(weight), guider}});
  const std::vector<double> sigmas = {9, 5, 2, 1, 0.3, 0};
  at::Tensor x = Images();
  for (int i = 0; i < 5; ++i) x = x + 0.01 * denoiser(x, sigmas[i], StepAt(sigmas, i));
  return x;
}

// As a run calls it: layouts follow each other, and both ranks go on from the same x.
TEST(ModelPairTest, ADenoiserOverItGivesTheSameBits) {
  for (const std::string weight : {"base", "draft", "linear", "step_0.6"}) {
    FakePredictor alone;
    const at::Tensor whole = Denoised(alone, weight);
    RunRanks(2, [&](World& world) {
      FakePredictor own;
      ModelPair pair(own, &world);
      EXPECT_TRUE(at::equal(Denoised(pair, weight), whole)) << weight << " rank " << world.rank();
    });
  }
}

TEST(ModelPairTest, OneProcessIsThePredictorAlone) {
  World alone;
  for (World* world : {&alone, static_cast<World*>(nullptr)}) {
    FakePredictor predictor;
    ModelPair pair(predictor, world);
    const Groups rows = {kBaseU, kBaseC, kTunedU, kTunedC};
    EXPECT_TRUE(at::equal(pair(Images(), 0.3, rows), FakePredictor()(Images(), 0.3, rows)));
    EXPECT_THAT(predictor.calls, ElementsAre(rows));
  }
}

TEST(ModelPairTest, AnotherWorldOrAGradientIsACallersMistake) {
  RunRanks(3, [](World& world) {
    FakePredictor own;
    EXPECT_THROW(ModelPair(own, &world), c10::Error);
  });
  RunRanks(2, [](World& world) {
    FakePredictor own;
    ModelPair pair(own, &world);
    const at::Tensor x = Images().requires_grad_();
    EXPECT_THROW(pair(x, 0.3, Groups{kBaseU, kBaseC}), c10::Error);
  });
}

}  // namespace
}  // namespace draftp
