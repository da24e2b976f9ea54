#include "draftp/reward/analytic_rewards.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "draftp/io/test_files.h"
#include "draftp/reward/reward_conformance.h"

namespace draftp::testing {
namespace {

struct BrightnessExamples {
  static std::vector<BrightnessReward> All() { return {BrightnessReward()}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Brightness, RewardConformance, BrightnessExamples);

struct TargetColourExamples {
  static std::vector<TargetColourReward> All() { return {TargetColourReward({255, 20, 0})}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(TargetColour, RewardConformance, TargetColourExamples);

const std::vector<std::string> kCaptions = {"one", "two"};

TEST(AnalyticRewardsTest, BrightnessIsOneForWhiteAndZeroForBlack) {
  at::Tensor images = at::zeros({2, 3, 4, 5}, at::kDouble);
  images[1] += 255;
  const at::Tensor score = BrightnessReward()(images, kCaptions);
  EXPECT_EQ(score[0].item<double>(), 0);
  EXPECT_DOUBLE_EQ(score[1].item<double>(), 1);
}

TEST(AnalyticRewardsTest, TargetColourIsTheNegativeMeanSquare) {
  const at::Tensor images = at::full({2, 3, 4, 5}, 51.0, at::kDouble);
  images[1].select(0, 2) += 51;
  const at::Tensor score = TargetColourReward({51, 102, 51})(images, kCaptions);
  EXPECT_NEAR(score[0].item<double>(), -0.04 / 3, 1e-15);
  EXPECT_NEAR(score[1].item<double>(), -0.08 / 3, 1e-15);
}

TEST(AnalyticRewardsTest, ImagesAndCaptionsMustBeAsMany) {
  EXPECT_THROW(BrightnessReward()(at::zeros({3, 3, 4, 5}), kCaptions), c10::Error);
  EXPECT_THROW(BrightnessReward()(at::zeros({2, 1, 4, 5}), kCaptions), c10::Error);
}

absl::StatusOr<TargetColourReward> Colour(nlohmann::json object) {
  return TargetColourReward::FromJson(JsonReader("draftp_reward.json", std::move(object)));
}

TEST(AnalyticRewardsTest, TheirJsonIsChecked) {
  EXPECT_TRUE(Colour({{"colour", {0, 0.5, 255}}}).ok());
  EXPECT_THAT(Colour({{"colour", {0, 0}}}), FailsWith("draftp_reward.json: key \"colour\""));
  EXPECT_THAT(Colour({{"colour", {0, 0, 256}}}), FailsWith("between 0 and 255"));
  EXPECT_THAT(Colour(nlohmann::json::object()), FailsWith("\"colour\""));
  EXPECT_THAT(Colour({{"colour", {0, 0, 0}}, {"gamma", 2}}), FailsWith("\"gamma\""));
  EXPECT_THAT(BrightnessReward::FromJson(JsonReader("x.json", {{"scale", 2}})),
              FailsWith("x.json: key \"scale\""));
}

}  // namespace
}  // namespace draftp::testing
