#include "draftp/reward/any_reward.h"

#include <gtest/gtest.h>

#include <string>

#include "draftp/io/test_files.h"
#include "draftp/reward/analytic_rewards.h"
#include "draftp/reward/reward_conformance.h"
#include "draftp/text/clip_tokenizer.h"

namespace draftp::testing {
namespace {

absl::StatusOr<AnyReward> LoadJson(const std::string& json) {
  const TemporaryFolder folder;
  folder.Write("draftp_reward.json", json);
  return AnyReward::Load(folder.path(), {});
}

TEST(AnyRewardTest, LoadsTheKindThatTheJsonNames) {
  const auto brightness = LoadJson(R"({"kind": "brightness"})");
  ASSERT_TRUE(brightness.ok()) << brightness.status();
  EXPECT_EQ(brightness->name(), "Brightness");
  EXPECT_NE(brightness->As<BrightnessReward>(), nullptr);
  EXPECT_EQ(brightness->As<ClipReward>(), nullptr);
  const auto colour = LoadJson(R"({"kind": "target_colour", "colour": [255, 20, 0]})");
  ASSERT_TRUE(colour.ok()) << colour.status();
  EXPECT_THAT(
      (*colour)(ConformanceImages(), ConformanceCaptions()),
      IsEqualTo(TargetColourReward({255, 20, 0})(ConformanceImages(), ConformanceCaptions())));
}

TEST(AnyRewardTest, LoadsAClipModelWithoutJson) {
  const auto tokenizer = ClipTokenizer::Open("testdata/tiny_sdxl/tokenizer");
  const auto reward = AnyReward::Load("testdata/tiny_sdxl/reward_model",
                                      {.placement = {}, .fallback_tokenizer = &*tokenizer});
  ASSERT_TRUE(reward.ok()) << reward.status();
  EXPECT_EQ(reward->name(), "PickScore");
  ASSERT_NE(reward->As<ClipReward>(), nullptr);
  EXPECT_EQ(reward->As<ClipReward>()->image_size(), 64);
}

TEST(AnyRewardTest, ErrorsNameTheFileAndTheKinds) {
  EXPECT_THAT(LoadJson(R"({"kind": "beauty"})"),
              FailsWith("draftp_reward.json: key \"kind\": found \"beauty\", supported: pickscore, "
                        "hpsv2, clip_score, brightness, target_colour"));
  EXPECT_THAT(LoadJson(R"({"version": "2.1"})"), FailsWith("draftp_reward.json: key \"kind\""));
  EXPECT_THAT(LoadJson(R"({"kind": "brightness", "gain": 2})"), FailsWith("key \"gain\""));
  EXPECT_THAT(LoadJson("{"), FailsWith("draftp_reward.json"));
  EXPECT_THAT(LoadJson(R"({"kind": "pickscore"})"), FailsWith("expected a Hugging Face CLIPModel"));
}

}  // namespace
}  // namespace draftp::testing
