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
absl::StatusOr<AnyGuider> Named(const GuidanceOptions& options) {
  return AnyGuider::Named("classifier_free", options);
}
at::Tensor Guided(const GuidanceOptions& options) {
  return Named(options)->Combine(kGuidedStep, BothPredictions());
}

TEST(AnyGuiderTest, DefaultIsClassifierFreeOfScaleFive) {
  EXPECT_EQ(Named({})->Conditions(kGuidedStep).size(), 2u);
  EXPECT_THAT(Guided({}),
              IsEqualTo(ClassifierFreeGuider(5.0).Combine(kGuidedStep, BothPredictions())));
}

TEST(AnyGuiderTest, AnotherScaleLeavesTheOtherOptions) {
  const GuidanceOptions options{.scale = 5, .interval_lo = 0.5, .interval_hi = 3, .rescale = 0.7};
  GuidanceOptions other = options;
  other.scale = 2.5;
  const AnyGuider scaled = Named(options)->WithScale(2.5);
  EXPECT_THAT(scaled.Combine(kGuidedStep, BothPredictions()), IsEqualTo(Guided(other)));
  EXPECT_EQ(scaled.Conditions({3, 10, 4.0, 1.5}).size(), 1u);
  EXPECT_EQ(Named(options)->WithScale(1).Conditions(kGuidedStep).size(), 1u);
  EXPECT_EQ(Named({.scale = 1})->WithScale(3).Conditions(kGuidedStep).size(), 2u);
  EXPECT_ANY_THROW(Named(options)->WithScale(std::nan("")));
}

TEST(AnyGuiderTest, ScaleOneTakesOneRowWhateverElseIsSet) {
  EXPECT_EQ(Named({.scale = 1.0})->Conditions(kGuidedStep).size(), 1u);
  EXPECT_EQ(Named({.scale = 1.0, .rescale = 0.7})->Conditions(kGuidedStep).size(), 1u);
}

// As diffusers, whose guidance begins above 1: few-step models' cards say guidance_scale=0.
TEST(AnyGuiderTest, ScaleZeroIsTheConditionalEstimate) {
  const auto guider = Named({.scale = 0.0, .rescale = 0.7});
  EXPECT_EQ(guider->Conditions(kGuidedStep).size(), 1u);
  EXPECT_EQ(guider->Conditions(kGuidedStep)[0], Condition::kConditional);
}

TEST(AnyGuiderTest, OptionsChooseTheWrappers) {
  const ClassifierFreeGuider plain(3.0);
  EXPECT_THAT(Guided({.scale = 3.0, .rescale = 0.7}),
              IsEqualTo(RescaleGuider(0.7, plain).Combine(kGuidedStep, BothPredictions())));
  EXPECT_EQ(Named({.scale = 3.0, .interval_hi = 1.9})->Conditions(kGuidedStep).size(), 1u);
  EXPECT_EQ(Named({.scale = 3.0, .interval_lo = 2.1})->Conditions(kGuidedStep).size(), 1u);
  EXPECT_EQ(
      Named({.scale = 3.0, .interval_hi = 1.9, .rescale = 0.7})->Conditions(kGuidedStep).size(),
      1u);
  EXPECT_THAT(Guided({.scale = 3.0, .interval_hi = 2.1, .rescale = 0.7}),
              IsEqualTo(RescaleGuider(0.7, plain).Combine(kGuidedStep, BothPredictions())));
}

TEST(AnyGuiderTest, AnOptionOutOfRangeIsNamed) {
  EXPECT_EQ(Named({.scale = std::nan("")}).status().message(),
            "guidance_scale: found nan, expected a finite number");
  EXPECT_THAT(Named({.rescale = 1.5}).status().message(), HasSubstr("guidance_rescale: found 1.5"));
  EXPECT_THAT(Named({.interval_lo = 3, .interval_hi = 2}).status().message(),
              HasSubstr("guidance_interval: found [3, 2]"));
  EXPECT_THAT(AnyGuider::Named("projected", {.parallel = -1}).status().message(),
              HasSubstr("guidance_parallel: found -1, expected a number in [0, 1]"));
  EXPECT_THAT(AnyGuider::Named("projected", {.norm = -1}).status().message(),
              HasSubstr("guidance_norm: found -1, expected a number >= 0"));
}

TEST(AnyGuiderTest, ANameChoosesTheMemberInsideTheSameWrappers) {
  const auto projected = [](const GuidanceOptions& o) { return *AnyGuider::Named("projected", o); };
  const ProjectedGuider plain(3, 0.25, 2);
  const GuidanceOptions options{.scale = 3, .parallel = 0.25, .norm = 2};
  EXPECT_THAT(projected(options).Combine(kGuidedStep, BothPredictions()),
              IsEqualTo(plain.Combine(kGuidedStep, BothPredictions())));
  GuidanceOptions wrapped = options;
  wrapped.rescale = 0.7;
  wrapped.interval_hi = 2.1;
  EXPECT_THAT(projected(wrapped).Combine(kGuidedStep, BothPredictions()),
              IsEqualTo(RescaleGuider(0.7, plain).Combine(kGuidedStep, BothPredictions())));
  wrapped.interval_hi = 1.9;
  EXPECT_EQ(projected(wrapped).Conditions(kGuidedStep).size(), 1u);
  EXPECT_EQ(projected(options).WithScale(1).Conditions(kGuidedStep).size(), 1u);
  EXPECT_THAT(projected(options).WithScale(2).Combine(kGuidedStep, BothPredictions()),
              IsEqualTo(ProjectedGuider(2, 0.25, 2).Combine(kGuidedStep, BothPredictions())));
}

TEST(AnyGuiderTest, AnotherNameListsTheMembers) {
  EXPECT_EQ(AnyGuider::Named("cfg").status().message(),
            "guider: found 'cfg', expected one of classifier_free, projected");
}

}  // namespace
}  // namespace draftp::testing
