// Tests of the guider chosen by options.
#include "draftp/sampling/any_guider.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::HasSubstr;

constexpr StepContext kGuidedStep{3, 10, 2.0, 1.5};

std::vector<at::Tensor> BothPredictions() {
  const at::Tensor x = at::linspace(-1, 2, 6, at::kDouble).view({2, 1, 1, 3});
  return {x, x.cos() * 2};
}
at::Tensor Guided(const GuidanceOptions& options) {
  return AnyGuider::Make(options)->Combine(kGuidedStep, BothPredictions());
}

TEST(AnyGuiderTest, DefaultIsClassifierFreeOfScaleFive) {
  EXPECT_EQ(AnyGuider::Make({})->Conditions(kGuidedStep).size(), 2u);
  EXPECT_THAT(Guided({}),
              IsEqualTo(ClassifierFreeGuider(5.0).Combine(kGuidedStep, BothPredictions())));
}

TEST(AnyGuiderTest, AnotherScaleLeavesTheOtherOptions) {
  const GuidanceOptions options{.scale = 5, .interval_lo = 0.5, .interval_hi = 3, .rescale = 0.7};
  GuidanceOptions other = options;
  other.scale = 2.5;
  const AnyGuider scaled = AnyGuider::Make(options)->WithScale(2.5);
  EXPECT_THAT(scaled.Combine(kGuidedStep, BothPredictions()), IsEqualTo(Guided(other)));
  EXPECT_EQ(scaled.Conditions({3, 10, 4.0, 1.5}).size(), 1u);
  EXPECT_EQ(AnyGuider::Make(options)->WithScale(1).Conditions(kGuidedStep).size(), 1u);
  EXPECT_EQ(AnyGuider::Make({.scale = 1})->WithScale(3).Conditions(kGuidedStep).size(), 2u);
  EXPECT_ANY_THROW(AnyGuider::Make(options)->WithScale(std::nan("")));
}

TEST(AnyGuiderTest, ScaleOneTakesOneRowWhateverElseIsSet) {
  EXPECT_EQ(AnyGuider::Make({.scale = 1.0})->Conditions(kGuidedStep).size(), 1u);
  EXPECT_EQ(AnyGuider::Make({.scale = 1.0, .rescale = 0.7})->Conditions(kGuidedStep).size(), 1u);
}

// As diffusers, whose guidance begins above 1: few-step models' cards say guidance_scale=0.
TEST(AnyGuiderTest, ScaleZeroIsTheConditionalEstimate) {
  const auto guider = AnyGuider::Make({.scale = 0.0, .rescale = 0.7});
  EXPECT_EQ(guider->Conditions(kGuidedStep).size(), 1u);
  EXPECT_EQ(guider->Conditions(kGuidedStep)[0], Condition::kConditional);
}

TEST(AnyGuiderTest, OptionsChooseTheWrappers) {
  const ClassifierFreeGuider plain(3.0);
  EXPECT_THAT(Guided({.scale = 3.0, .rescale = 0.7}),
              IsEqualTo(RescaleGuider(0.7, plain).Combine(kGuidedStep, BothPredictions())));
  EXPECT_EQ(AnyGuider::Make({.scale = 3.0, .interval_hi = 1.9})->Conditions(kGuidedStep).size(),
            1u);
  EXPECT_EQ(AnyGuider::Make({.scale = 3.0, .interval_lo = 2.1})->Conditions(kGuidedStep).size(),
            1u);
  EXPECT_EQ(AnyGuider::Make({.scale = 3.0, .interval_hi = 1.9, .rescale = 0.7})
                ->Conditions(kGuidedStep)
                .size(),
            1u);
  EXPECT_THAT(Guided({.scale = 3.0, .interval_hi = 2.1, .rescale = 0.7}),
              IsEqualTo(RescaleGuider(0.7, plain).Combine(kGuidedStep, BothPredictions())));
}

TEST(AnyGuiderTest, AnOptionOutOfRangeIsNamed) {
  EXPECT_EQ(AnyGuider::Make({.scale = std::nan("")}).status().message(),
            "guidance_scale: found nan, expected a finite number");
  EXPECT_THAT(AnyGuider::Make({.rescale = 1.5}).status().message(),
              HasSubstr("guidance_rescale: found 1.5"));
  EXPECT_THAT(AnyGuider::Make({.interval_lo = 3, .interval_hi = 2}).status().message(),
              HasSubstr("guidance_interval: found [3, 2]"));
}

}  // namespace
}  // namespace draftp::testing
