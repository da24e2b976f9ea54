// What every way to blend must do: a suite that each member instantiates (tests only).
#ifndef DRAFTP_SAMPLING_BLENDING_CONFORMANCE_H_
#define DRAFTP_SAMPLING_BLENDING_CONFORMANCE_H_

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "draftp/sampling/blending.h"
#include "draftp/sampling/parse_blending.h"
#include "draftp/schedule/step_context.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {

inline constexpr uint64_t kBlendSeed = 77;  // of members that draw

// The steps of runs of 1 to 40 steps.
inline std::vector<StepContext> BlendSteps() {
  std::vector<StepContext> steps;
  for (const int n : {1, 2, 3, 7, 40}) {
    for (int i = 0; i < n; ++i) steps.push_back({i, n, 14.0 * (n - i) / n, 14.0 * (n - i - 1) / n});
  }
  return steps;
}

// Two images of two channels, [2,2,4,6], that differ by more than a factor.
inline at::Tensor BlendImages(double shift) {
  return (at::linspace(-3, 5, 96, at::kDouble).view({2, 2, 4, 6}) * (1 + shift) + shift).sin() +
         shift;
}

// Traits::All() returns a vector of the member's values, edge cases included:
//   struct BandsTraits { static std::vector<BandsBlending> All() { return {...}; } };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Bands, BlendingConformance, BandsTraits);
// from namespace draftp::testing.
template <class Traits>
class BlendingConformance : public ::testing::Test {};
TYPED_TEST_SUITE_P(BlendingConformance);

TYPED_TEST_P(BlendingConformance, EvaluatesEachModelOnceWithWeightsThatAddUpToOne) {
  for (const auto& blending : TypeParam::All()) {
    for (const StepContext& step : BlendSteps()) {
      const BlendStep blend = blending.At(step);
      ASSERT_FALSE(blend.parts.empty()) << blending.name();
      std::set<int> models;
      double sum = 0, size = 0;
      for (const BlendPart& part : blend.parts) {
        EXPECT_TRUE(models.insert(part.model).second) << blending.name();
        EXPECT_GE(part.model, kScaledAdapters);
        EXPECT_LE(part.model, static_cast<int>(blending.adapters()));
        EXPECT_NE(part.weight, 0.0) << blending.name();
        sum += part.weight;
        size += std::abs(part.weight);
      }
      EXPECT_EQ(models.contains(kBaseModel), blend.parts[0].model == kBaseModel);
      if (blend.linear) {
        EXPECT_NEAR(sum, 1.0, 1e-12 * size) << blending.name();
      } else {
        EXPECT_EQ(models, (std::set{0, 1})) << blending.name();
      }
      EXPECT_EQ(blend.scales.empty(), !models.contains(kScaledAdapters));
      if (!blend.scales.empty()) {
        EXPECT_EQ(blend.scales.size(), static_cast<std::size_t>(blending.adapters()));
        EXPECT_EQ(blend.parts.size(), 1u);
      }
    }
  }
}

TYPED_TEST_P(BlendingConformance, GivesTheSameStepTheSameAnswer) {
  const std::vector<StepContext> steps = BlendSteps();
  for (const auto& blending : TypeParam::All()) {
    std::vector<BlendStep> first;
    for (const StepContext& step : steps) first.push_back(blending.At(step));
    const auto copy = blending;
    for (std::size_t i = steps.size(); i-- > 0;)
      EXPECT_EQ(copy.At(steps[i]), first[i]) << blending.name();
  }
}

TYPED_TEST_P(BlendingConformance, ReadsBackFromItsName) {
  for (const auto& blending : TypeParam::All()) {
    const auto again = ParseBlending(blending.name(), {.seed = kBlendSeed});
    ASSERT_TRUE(again.ok()) << again.error();
    EXPECT_EQ(again->name(), blending.name());
    EXPECT_EQ(again->adapters(), blending.adapters());
    EXPECT_EQ(again->scales_adapters(), AnyBlending(blending).scales_adapters());
    EXPECT_EQ(again->scales_change(), AnyBlending(blending).scales_change());
    EXPECT_EQ(again->guides_itself(), AnyBlending(blending).guides_itself());
    const at::Tensor base = BlendImages(0.3), delta = BlendImages(1.1);
    for (const StepContext& step : BlendSteps()) {
      const BlendStep blend = blending.At(step);
      ASSERT_EQ(again->At(step), blend) << blending.name();
      if constexpr (CombinesEstimates<std::decay_t<decltype(blending)>>) {
        EXPECT_THAT(again->Combine(step, base, delta),
                    IsEqualTo(blending.Combine(step, base, delta)));
      } else {
        EXPECT_TRUE(blend.linear) << blending.name();
      }
    }
  }
}

TYPED_TEST_P(BlendingConformance, NamesDifferentOnesDifferently) {
  const auto all = TypeParam::All();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) EXPECT_NE(all[i].name(), all[k].name());
  }
}

TYPED_TEST_P(BlendingConformance, ScalesChangeWhereTheySaySo) {
  for (const auto& blending : TypeParam::All()) {
    if (AnyBlending(blending).scales_change()) continue;
    const std::vector<double> first = blending.At(BlendSteps()[0]).scales;
    for (const StepContext& step : BlendSteps()) EXPECT_EQ(blending.At(step).scales, first);
  }
}

TYPED_TEST_P(BlendingConformance, CombinesEachImageByItselfAndLeavesItsInputs) {
  const at::Tensor base = BlendImages(0.3), delta = BlendImages(1.1);
  for (const auto& blending : TypeParam::All()) {
    for (const StepContext& step : {StepContext{0, 4, 14, 9}, StepContext{3, 4, 1, 0}}) {
      if (blending.At(step).linear) continue;
      const AnyBlending any(blending);
      const at::Tensor together = any.Combine(step, base, delta);
      std::vector<at::Tensor> apart;
      for (int64_t b = 0; b < 2; ++b)
        apart.push_back(any.Combine(step, base.narrow(0, b, 1), delta.narrow(0, b, 1)));
      EXPECT_THAT(together, IsCloseTo(at::cat(apart), 1e-14)) << blending.name();
      EXPECT_THAT(base, IsEqualTo(BlendImages(0.3)));
      EXPECT_THAT(delta, IsEqualTo(BlendImages(1.1)));
      EXPECT_EQ(any.Combine(step, base.to(at::kFloat), delta.to(at::kFloat)).scalar_type(),
                at::kFloat);
      EXPECT_THAT(any.Combine(step, base, at::zeros_like(delta)), IsEqualTo(base));
      EXPECT_LT(
          GradientError([&](const at::Tensor& x) { return any.Combine(step, base, x); }, delta),
          1e-6);
    }
  }
}

REGISTER_TYPED_TEST_SUITE_P(BlendingConformance, EvaluatesEachModelOnceWithWeightsThatAddUpToOne,
                            GivesTheSameStepTheSameAnswer, ReadsBackFromItsName,
                            NamesDifferentOnesDifferently, ScalesChangeWhereTheySaySo,
                            CombinesEachImageByItselfAndLeavesItsInputs);

}  // namespace draftp::testing

#endif  // DRAFTP_SAMPLING_BLENDING_CONFORMANCE_H_
