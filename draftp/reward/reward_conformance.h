// What every reward must keep, written once and instantiated for each member. Test only.
#ifndef DRAFTP_REWARD_REWARD_CONFORMANCE_H_
#define DRAFTP_REWARD_REWARD_CONFORMANCE_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/isfinite.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "draftp/objective/reward.h"
#include "draftp/reward/any_reward.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {

inline const std::vector<std::string>& ConformanceCaptions() {
  static const std::vector<std::string> captions = {"a red star on a blue background", "",
                                                    "zwei gr\u00fcne \u2665"};
  return captions;
}

// Noise away from the ends of [0,255], an image a caption: [3,3,height,width] f64.
inline at::Tensor ConformanceImages(int64_t height = 10, int64_t width = 14) {
  return HashTensor("conformance", {3, 3, height, width}) * 50 + 128;
}

// Examples::All() returns a vector of the member's values, those with weights in float64:
//
//   struct BrightnessExamples {
//     static std::vector<BrightnessReward> All() { return {BrightnessReward()}; }
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Brightness, RewardConformance, BrightnessExamples);
//
// from namespace draftp::testing, where the suite is.
template <class Examples>
class RewardConformance : public ::testing::Test {};

TYPED_TEST_SUITE_P(RewardConformance);

TYPED_TEST_P(RewardConformance, GivesOneFiniteScoreAnImageInItsDtype) {
  for (const auto& reward : TypeParam::All()) {
    for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
      const at::Tensor score = reward(ConformanceImages().to(dtype), ConformanceCaptions());
      EXPECT_EQ(score.sizes(), at::IntArrayRef({3})) << reward.name();
      EXPECT_EQ(score.scalar_type(), dtype) << reward.name();
      EXPECT_TRUE(at::isfinite(score).all().template item<bool>()) << reward.name();
    }
  }
}

TYPED_TEST_P(RewardConformance, RepeatsItselfAndLeavesItsImagesAlone) {
  for (const auto& reward : TypeParam::All()) {
    const at::Tensor images = ConformanceImages();
    const at::Tensor first = reward(images, ConformanceCaptions());
    EXPECT_THAT(reward(images, ConformanceCaptions()), IsEqualTo(first)) << reward.name();
    EXPECT_THAT(images, IsEqualTo(ConformanceImages())) << reward.name();
  }
}

TYPED_TEST_P(RewardConformance, ScoresEachImageByItselfAndItsCaption) {
  for (const auto& reward : TypeParam::All()) {
    const at::Tensor together = reward(ConformanceImages(), ConformanceCaptions());
    for (int64_t i = 0; i < 3; ++i) {
      const std::vector<std::string> caption = {ConformanceCaptions()[static_cast<size_t>(i)]};
      EXPECT_THAT(reward(ConformanceImages().narrow(0, i, 1), caption),
                  IsCloseTo(together.narrow(0, i, 1), 1e-10))
          << reward.name();
    }
  }
}

TYPED_TEST_P(RewardConformance, TakesAnySizeAndMemoryFormat) {
  for (const auto& reward : TypeParam::All()) {
    for (const auto& [height, width] : {std::pair(7, 31), std::pair(40, 9), std::pair(64, 64)}) {
      const at::Tensor images = ConformanceImages(height, width);
      const at::Tensor score = reward(images, ConformanceCaptions());
      EXPECT_TRUE(at::isfinite(score).all().template item<bool>()) << reward.name();
      EXPECT_THAT(reward(images.contiguous(at::MemoryFormat::ChannelsLast), ConformanceCaptions()),
                  IsCloseTo(score, 1e-12))
          << reward.name();
    }
  }
}

// Pixels are of the order of 100, so the step is.
TYPED_TEST_P(RewardConformance, GradientIsThatOfFiniteDifferencesAndNotZero) {
  for (const auto& reward : TypeParam::All()) {
    const auto f = [&reward](const at::Tensor& x) { return reward(x, ConformanceCaptions()); };
    EXPECT_LT(GradientError(f, ConformanceImages(), {.step = 3e-3, .directions = 6}), 1e-6)
        << reward.name();
    const at::Tensor gradient = AutogradGradient(f, ConformanceImages());
    for (int64_t i = 0; i < 3; ++i) {
      EXPECT_GT(gradient[i].abs().max().template item<double>(), 0) << reward.name();
    }
  }
}

TYPED_TEST_P(RewardConformance, IsTheSameInHalvesAndBehindAnyReward) {
  for (const auto& reward : TypeParam::All()) {
    const auto expected = reward(ConformanceImages(), ConformanceCaptions());
    if constexpr (CaptionedReward<std::remove_cvref_t<decltype(reward)>>) {
      const at::Tensor text = reward.EncodeCaptions(ConformanceCaptions());
      EXPECT_EQ(text.size(0), 3) << reward.name();
      EXPECT_FALSE(text.requires_grad()) << reward.name();
      EXPECT_THAT(reward.Score(ConformanceImages(), text), IsEqualTo(expected)) << reward.name();
      const AnyReward any(reward);
      EXPECT_EQ(any.name(), std::string(reward.name()));
      EXPECT_THAT(any(ConformanceImages(), ConformanceCaptions()), IsEqualTo(expected));
    }
  }
}

TYPED_TEST_P(RewardConformance, NamesDifferentRewardsDifferently) {
  const auto all = TypeParam::All();
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_FALSE(std::string(all[i].name()).empty());
    for (size_t k = 0; k < i; ++k) EXPECT_NE(all[i].name(), all[k].name());
  }
}

REGISTER_TYPED_TEST_SUITE_P(RewardConformance, GivesOneFiniteScoreAnImageInItsDtype,
                            RepeatsItselfAndLeavesItsImagesAlone,
                            ScoresEachImageByItselfAndItsCaption, TakesAnySizeAndMemoryFormat,
                            GradientIsThatOfFiniteDifferencesAndNotZero,
                            IsTheSameInHalvesAndBehindAnyReward, NamesDifferentRewardsDifferently);

}  // namespace draftp::testing

#endif  // DRAFTP_REWARD_REWARD_CONFORMANCE_H_
