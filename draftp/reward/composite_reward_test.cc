#include "draftp/reward/composite_reward.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/io/test_files.h"
#include "draftp/reward/analytic_rewards.h"
#include "draftp/reward/reward_conformance.h"

namespace draftp::testing {
namespace {

CompositeReward Example() {
  return CompositeReward(
      {{.reward = BrightnessReward(), .weight = 1},
       {.reward = TargetColourReward({0, 255, 128}), .weight = 0.5, .offset = -0.25, .scale = 3}});
}

struct CompositeExamples {
  static std::vector<CompositeReward> All() {
    return {Example(), CompositeReward({{.reward = BrightnessReward()}})};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Composite, RewardConformance, CompositeExamples);

TEST(CompositeRewardTest, IsTheWeightedSumOfItsMembers) {
  const CompositeReward reward = Example();
  const auto texts = reward.EncodeCaptions(ConformanceCaptions());
  const auto scores = reward.ScoreMembers(ConformanceImages(), texts);
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_THAT(scores[0], IsEqualTo(BrightnessReward()(ConformanceImages(), ConformanceCaptions())));
  const at::Tensor expected = scores[0] + 0.5 * (scores[1] - -0.25) * 3.0;
  EXPECT_THAT(reward.Combine(scores), IsCloseTo(expected, 1e-15));
  EXPECT_EQ(reward.name(), "Brightness+0.5*TargetColour");
}

// A held-out reward: its score is logged, whatever it is.
TEST(CompositeRewardTest, AMemberOfWeightZeroIsScoredAndNotCounted) {
  const CompositeReward reward(
      {{.reward = BrightnessReward()}, {.reward = TargetColourReward({0, 0, 0}), .weight = 0}});
  const std::vector<at::Tensor> scores = {at::full({2}, 3.0), at::full({2}, NAN)};
  EXPECT_THAT(reward.Combine(scores), IsEqualTo(at::full({2}, 3.0)));
}

TEST(CompositeRewardTest, RejectsOtherNumbersOfTextsAndScores) {
  const CompositeReward reward = Example();
  const std::vector<at::Tensor> one(1, at::full({2}, 3.0));
  EXPECT_THROW(reward.Combine(one), c10::Error);
  EXPECT_THROW(reward.ScoreMembers(ConformanceImages(), one), c10::Error);
  EXPECT_THROW(CompositeReward({}), c10::Error);
}

TEST(ParseSpecsTest, ReadsFoldersWithUpToThreeNumbers) {
  const auto specs = CompositeReward::ParseSpecs("a/b,c:0.5,d:-2:20,e:1e-3:-.5:4");
  ASSERT_TRUE(specs.ok()) << specs.status();
  ASSERT_EQ(specs->size(), 4u);
  EXPECT_EQ((*specs)[0].path, "a/b");
  EXPECT_EQ((*specs)[0].weight, 1);
  EXPECT_EQ((*specs)[1].weight, 0.5);
  EXPECT_EQ((*specs)[2].weight, -2);
  EXPECT_EQ((*specs)[2].offset, 20);
  EXPECT_EQ((*specs)[3].offset, -0.5);
  EXPECT_EQ((*specs)[3].scale, 4);
}

TEST(ParseSpecsTest, RejectsWhatIsNoneInOneLineThatSaysReward) {
  const auto expect = [](const std::string& text, const std::string& what) {
    EXPECT_THAT(CompositeReward::ParseSpecs(text), FailsWith("--reward: " + what)) << text;
  };
  expect("", "found \"\", expected DIR[:weight[:offset[:scale]]]");
  expect("a,,b", "found \"\"");
  expect(":1", "found \":1\"");
  expect("a:", "found weight \"\" in \"a:\", expected a finite number");
  expect("a:nan", "found weight \"nan\" in \"a:nan\"");
  expect("a:1:inf", "found offset \"inf\"");
  expect("a:1:0:x", "found scale \"x\"");
  expect("a:1:0:0", "found scale 0 in \"a:1:0:0\"");
  expect("a:1e999", "found weight \"1e999\"");
  expect("a:1:2:3:4", "found 4 numbers in");
  expect("a:0,b:0", "found weight 0 alone");
  expect("a:0x10", "found weight \"0x10\"");
  expect("a:1\n2", "found weight \"1\\x0a2\"");
}

TEST(CompositeRewardTest, LoadsSpecsAndRefusesTwoOfOneName) {
  const TemporaryFolder a, b;
  a.Write("draftp_reward.json", R"({"kind": "brightness"})");
  b.Write("draftp_reward.json", R"({"kind": "target_colour", "colour": [0, 0, 0]})");
  const std::vector<CompositeReward::Spec> specs = {{.path = a.path()},
                                                    {.path = b.path(), .weight = 2}};
  const auto reward = CompositeReward::Load(specs, {});
  ASSERT_TRUE(reward.ok()) << reward.status();
  EXPECT_EQ(reward->name(), "Brightness+2*TargetColour");
  EXPECT_EQ(reward->members()[1].weight, 2);
  const std::vector<CompositeReward::Spec> twice = {{.path = a.path()}, {.path = a.path()}};
  EXPECT_THAT(CompositeReward::Load(twice, {}),
              FailsWith("--reward: found two rewards named \"Brightness\""));
  const std::vector<CompositeReward::Spec> none = {{.path = "/nowhere/at/all"}};
  EXPECT_THAT(CompositeReward::Load(none, {}), FailsWith("/nowhere/at/all: found nothing"));
  EXPECT_THAT(CompositeReward::Load({}, {}), FailsWith("--reward: found no reward"));
}

}  // namespace
}  // namespace draftp::testing
