// Which models each linear way to blend evaluates, with which weights.
#include "draftp/sampling/blendings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "draftp/sampling/blending_conformance.h"
#include "draftp/schedule/parse_weighing.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;

std::vector<AnyWeighing> Weighings(const std::vector<const char*>& texts) {
  std::vector<AnyWeighing> weighings;
  for (const char* text : texts) weighings.push_back(ParseWeighing(text).value());
  return weighings;
}

constexpr StepContext kThird{3, 10, 2.0, 1.5};  // linear is 0.3
const BlendStep kBaseAlone{.parts = {{kBaseModel, 1.0}}};

}  // namespace

struct MixTraits {
  static std::vector<MixBlending> All() {
    return {
        MixBlending(Weighings({"base"})),          MixBlending(Weighings({"draft"})),
        MixBlending(Weighings({"1.6"})),           MixBlending(Weighings({"-0.5"})),
        MixBlending(Weighings({"linear", "0.7"})), MixBlending(Weighings({"0.1", "0.2", "0.7"})),
        MixBlending(Weighings({"base", "base"})),  MixBlending(Weighings({"step_2@sigma", "-2"}))};
  }
};
struct WeightsTraits {
  static std::vector<WeightsBlending> All() {
    return {WeightsBlending(Weighings({"0.4"})), WeightsBlending(Weighings({"base"})),
            WeightsBlending(Weighings({"linear"})), WeightsBlending(Weighings({"step_0.5", "1.2"})),
            WeightsBlending(Weighings({"draft", "-0.5", "0"}))};
  }
};
struct DrawTraits {
  static std::vector<DrawBlending> All() {
    return {DrawBlending(kBlendSeed, {0.5}), DrawBlending(kBlendSeed, {0}),
            DrawBlending(kBlendSeed, {1}), DrawBlending(kBlendSeed, {0.3, 0.5}),
            DrawBlending(kBlendSeed, {0.1, 0.2, 0.7})};
  }
};
struct ContrastTraits {
  static std::vector<ContrastBlending> All() {
    return {ContrastBlending(AnyWeighing(BaseWeighing())),
            ContrastBlending(Weighings({"linear"})[0]), ContrastBlending(Weighings({"2.5"})[0])};
  }
};
struct GuidedTraits {
  static std::vector<GuidedBlending> All() {
    return {
        GuidedBlending(Weighings({"step_0.6"})[0], 1), GuidedBlending(Weighings({"linear"})[0], 3),
        GuidedBlending(Weighings({"draft"})[0], 2.5), GuidedBlending(Weighings({"1.5"})[0], -1)};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Mix, BlendingConformance, MixTraits);
INSTANTIATE_TYPED_TEST_SUITE_P(Weights, BlendingConformance, WeightsTraits);
INSTANTIATE_TYPED_TEST_SUITE_P(Draw, BlendingConformance, DrawTraits);
INSTANTIATE_TYPED_TEST_SUITE_P(Contrast, BlendingConformance, ContrastTraits);
INSTANTIATE_TYPED_TEST_SUITE_P(Guided, BlendingConformance, GuidedTraits);

namespace {

TEST(MixBlendingTest, LeavesOutWhatHasNoWeight) {
  EXPECT_EQ(MixBlending(Weighings({"base"})).At(kThird), kBaseAlone);
  EXPECT_THAT(MixBlending(Weighings({"draft"})).At(kThird).parts, ElementsAre(BlendPart{1, 1.0}));
  EXPECT_THAT(MixBlending(Weighings({"linear"})).At(kThird).parts,
              ElementsAre(BlendPart{0, 0.7}, BlendPart{1, 0.3}));
  EXPECT_THAT(MixBlending(Weighings({"0.1", "base", "0.9"})).At(kThird).parts,
              ElementsAre(BlendPart{1, 0.1}, BlendPart{3, 0.9}));
  EXPECT_THAT(MixBlending(Weighings({"1.5"})).At(kThird).parts,
              ElementsAre(BlendPart{0, -0.5}, BlendPart{1, 1.5}));
}

TEST(MixBlendingTest, TheBaseAloneNeedsNoAdapter) {
  EXPECT_EQ(MixBlending(Weighings({"base"})).adapters(), 0);
  EXPECT_EQ(MixBlending(Weighings({"0"})).adapters(), 0);
  EXPECT_EQ(MixBlending(Weighings({"step_1"})).adapters(), 1);
  EXPECT_EQ(MixBlending(Weighings({"base", "base"})).adapters(), 2);
}

TEST(MixBlendingTest, RefusesAWeightThatIsNotFinite) {
  const AnyWeighing nan([](const StepContext&) { return std::nan(""); }, "nan");
  EXPECT_ANY_THROW(MixBlending({nan}).At(kThird));
  EXPECT_ANY_THROW(WeightsBlending({nan}).At(kThird));
  EXPECT_ANY_THROW(ContrastBlending(nan).At(kThird));
  EXPECT_ANY_THROW(GuidedBlending(nan, 2).At(kThird));
}

TEST(WeightsBlendingTest, IsOneModelWithTheStepsScales) {
  const BlendStep blend = WeightsBlending(Weighings({"linear", "-2"})).At(kThird);
  EXPECT_THAT(blend.parts, ElementsAre(BlendPart{kScaledAdapters, 1.0}));
  EXPECT_THAT(blend.scales, ElementsAre(0.3, -2.0));
  EXPECT_EQ(WeightsBlending(Weighings({"step_0.5", "base"})).At(kThird), kBaseAlone);
}

// The outputs of Vigna's splitmix64.c from 1234567 on, as Rosetta Code prints them.
TEST(DrawBlendingTest, DrawsTheOutputsOfSplitMix64) {
  constexpr std::array<uint64_t, 5> kOutputs = {6457827717110365317U, 3203168211198807973U,
                                                9817491932198370423U, 4593380528125082431U,
                                                16408922859458223821U};
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(StepUniform(1234567, i), std::ldexp(static_cast<double>(kOutputs[i] >> 11), -53));
}

TEST(DrawBlendingTest, EvaluatesOneModelAStepAsOftenAsItsProbabilitySays) {
  std::array<int, 3> counts = {};
  constexpr int kSteps = 20000;
  const DrawBlending draw(5, {0.3, 0.5});
  for (int i = 0; i < kSteps; ++i) {
    const BlendStep blend = draw.At({i, kSteps, 1, 0});
    ASSERT_EQ(blend.parts.size(), 1u);
    ASSERT_EQ(blend.parts[0].weight, 1.0);
    ++counts[blend.parts[0].model];
  }
  // Five standard deviations, sqrt(p (1 - p) / n) <= 0.0036: a false alarm in 10^6.
  EXPECT_NEAR(counts[0] / double(kSteps), 0.2, 0.018);
  EXPECT_NEAR(counts[1] / double(kSteps), 0.3, 0.018);
  EXPECT_NEAR(counts[2] / double(kSteps), 0.5, 0.018);
}

TEST(DrawBlendingTest, CertaintyAndSeeds) {
  int differ = 0;
  for (int i = 0; i < 1000; ++i) {
    const StepContext step{i, 1000, 1, 0};
    EXPECT_EQ(DrawBlending(3, {0, 1}).At(step).parts[0].model, 2);
    EXPECT_EQ(DrawBlending(3, {0}).At(step).parts[0].model, 0);
    // Ten times 0.1 is less than 1 in float64.
    EXPECT_NE(DrawBlending(3, std::vector<double>(10, 0.1)).At(step).parts[0].model, 0);
    differ += DrawBlending(3, {0.5}).At(step) == DrawBlending(4, {0.5}).At(step) ? 0 : 1;
  }
  EXPECT_GT(differ, 400);
}

TEST(DrawBlendingTest, RefusesWhatAreNoProbabilities) {
  EXPECT_EQ(DrawBlending::Fault({0.1, 0.9}), "");
  EXPECT_EQ(DrawBlending::Fault({1.5}),
            "a probability of draw is 1.5, expected a number in [0, 1]");
  EXPECT_EQ(DrawBlending::Fault({0.75, 0.5}),
            "the probabilities of draw add up to 1.25, expected at most 1");
  EXPECT_ANY_THROW(DrawBlending(1, {-0.1}));
  EXPECT_ANY_THROW(DrawBlending(1, {std::numeric_limits<double>::quiet_NaN()}));
}

TEST(ContrastBlendingTest, AddsThePreferredAndTakesTheRejectedAway) {
  EXPECT_THAT(ContrastBlending(Weighings({"linear"})[0]).At(kThird).parts,
              ElementsAre(BlendPart{0, 1.0}, BlendPart{1, 0.3}, BlendPart{2, -0.3}));
  EXPECT_EQ(ContrastBlending(Weighings({"step_0.5"})[0]).At(kThird), kBaseAlone);
}

TEST(GuidedBlendingTest, TheTunedPartAloneHasTheScale) {
  EXPECT_THAT(GuidedBlending(Weighings({"linear"})[0], 2).At(kThird).parts,
              ElementsAre(BlendPart{0, 0.7}, BlendPart{1, 0.3, 2.0}));
  EXPECT_EQ(GuidedBlending(Weighings({"step_0.6"})[0], 2).At(kThird), kBaseAlone);
  EXPECT_EQ(GuidedBlending(Weighings({"draft"})[0], 0).name(), "guided(draft,1)");
  EXPECT_FALSE(AnyBlending(GuidedBlending(Weighings({"draft"})[0], 1)).guides_itself());
  EXPECT_TRUE(AnyBlending(GuidedBlending(Weighings({"draft"})[0], 2)).guides_itself());
}

}  // namespace
}  // namespace draftp::testing
