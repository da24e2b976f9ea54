// Tests of the guiders against their formulas and diffusers.
#include "draftp/sampling/guiders.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "draftp/sampling/golden.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;

constexpr StepContext kStep{3, 10, 2.0, 1.5};

at::Tensor Uncond() { return at::linspace(-1, 2, 6, at::kDouble).view({2, 1, 1, 3}); }
at::Tensor Cond() { return Uncond().cos() * 2; }
std::vector<at::Tensor> Both() { return {Uncond(), Cond()}; }
std::vector<at::Tensor> One() { return {Cond()}; }

TEST(GuidersTest, IdentityIsTheConditionalPrediction) {
  EXPECT_THAT(IdentityGuider().Conditions(kStep), ElementsAre(Condition::kConditional));
  EXPECT_THAT(IdentityGuider().Combine(kStep, One()), IsEqualTo(Cond()));
}

TEST(GuidersTest, ClassifierFreeGoesFromUnconditionalTowardsConditional) {
  const ClassifierFreeGuider guider(5.0);
  EXPECT_THAT(guider.Conditions(kStep),
              ElementsAre(Condition::kUnconditional, Condition::kConditional));
  EXPECT_THAT(guider.Combine(kStep, Both()),
              IsCloseTo(Uncond() + 5.0 * (Cond() - Uncond()), 1e-15));
}

TEST(GuidersTest, ClassifierFreeOfScaleOneTakesOneRow) {
  EXPECT_THAT(ClassifierFreeGuider(1.0).Conditions(kStep), ElementsAre(Condition::kConditional));
  EXPECT_THAT(ClassifierFreeGuider(1.0).Combine(kStep, One()), IsEqualTo(Cond()));
}

TEST(GuidersTest, ClassifierFreeOfScaleZeroIsUnconditional) {
  EXPECT_THAT(ClassifierFreeGuider(0.0).Combine(kStep, Both()), IsEqualTo(Uncond()));
}

TEST(GuidersTest, ClassifierFreeRefusesAScaleThatIsNotFinite) {
  EXPECT_ANY_THROW(ClassifierFreeGuider(std::nan("")));
}

TEST(GuidersTest, IntervalGuidesBetweenItsEndsInclusive) {
  const IntervalGuider<ClassifierFreeGuider> guider(0.5, 2.0, ClassifierFreeGuider(5.0));
  for (const double inside : {0.5, 1.0, 2.0}) {
    EXPECT_EQ(guider.Conditions({0, 1, inside, 0.0}).size(), 2u);
    EXPECT_THAT(guider.Combine({0, 1, inside, 0.0}, Both()),
                IsEqualTo(ClassifierFreeGuider(5.0).Combine(kStep, Both())));
  }
  for (const double outside : {0.499, 2.001}) {
    EXPECT_THAT(guider.Conditions({0, 1, outside, 0.0}), ElementsAre(Condition::kConditional));
    EXPECT_THAT(guider.Combine({0, 1, outside, 0.0}, One()), IsEqualTo(Cond()));
  }
}

TEST(GuidersTest, IntervalRefusesToBeEmpty) {
  EXPECT_ANY_THROW(IntervalGuider<ClassifierFreeGuider>(2.0, 1.0, ClassifierFreeGuider(5.0)));
}

TEST(GuidersTest, ProjectedAgreesWithDiffusers) {
  const std::vector<int64_t> sizes = {2, 4, 2, 2};
  const std::vector<at::Tensor> predictions = {GoldenTensor("/projected/unconditional", sizes),
                                               GoldenTensor("/projected/conditional", sizes)};
  for (int i = 0; i < 4; ++i) {
    const std::string at = "/projected/cases/" + std::to_string(i);
    const ProjectedGuider guider(GoldenNumber(at + "/scale"), GoldenNumber(at + "/eta"),
                                 GoldenNumber(at + "/norm_threshold"));
    EXPECT_THAT(guider.Combine(kStep, predictions),
                IsCloseTo(GoldenTensor(at + "/guided", sizes), 1e-13))
        << at;
  }
}

TEST(GuidersTest, ProjectedWithoutProjectionIsClassifierFree) {
  EXPECT_THAT(ProjectedGuider(5, 1, 0).Combine(kStep, Both()),
              IsCloseTo(ClassifierFreeGuider(5).Combine(kStep, Both()), 1e-14));
}

TEST(GuidersTest, ProjectedHasTheGradientOfItsFormula) {
  const auto guided = [](const at::Tensor& x) {
    const std::vector<at::Tensor> predictions = {x.sin(), x * x};
    return ProjectedGuider(3, 0.25, 2).Combine(kStep, predictions);
  };
  EXPECT_LT(GradientError(guided, Uncond()), 1e-7);
}

TEST(GuidersTest, ProjectedOfEqualPredictionsIsThePrediction) {
  const at::Tensor x = Cond().set_requires_grad(true);
  const std::vector<at::Tensor> both = {x, x};
  const at::Tensor guided = ProjectedGuider(5, 0, 15).Combine(kStep, both);
  EXPECT_THAT(guided, IsCloseTo(Cond(), 1e-15));
  guided.sum().backward();
  EXPECT_TRUE(x.grad().isfinite().all().item<bool>());
}

TEST(GuidersTest, ProjectedRefusesWhatIsOutOfRange) {
  EXPECT_ANY_THROW(ProjectedGuider(std::nan(""), 0, 1));
  EXPECT_ANY_THROW(ProjectedGuider(5, 1.5, 1));
  EXPECT_ANY_THROW(ProjectedGuider(5, 0, -1));
}

TEST(GuidersTest, RescaleAgreesWithDiffusers) {
  const std::vector<int64_t> sizes = {2, 4, 2, 2};
  const RescaleGuider guider(GoldenNumber("/rescale/rescale"),
                             ClassifierFreeGuider(GoldenNumber("/rescale/scale")));
  const std::vector<at::Tensor> predictions = {GoldenTensor("/rescale/unconditional", sizes),
                                               GoldenTensor("/rescale/conditional", sizes)};
  EXPECT_THAT(guider.Combine(kStep, predictions),
              IsCloseTo(GoldenTensor("/rescale/rescaled", sizes), 1e-13));
}

TEST(GuidersTest, RescaleOfZeroAndOfOneRowIsItsInner) {
  EXPECT_THAT(RescaleGuider(0.0, ClassifierFreeGuider(5.0)).Combine(kStep, Both()),
              IsEqualTo(ClassifierFreeGuider(5.0).Combine(kStep, Both())));
  EXPECT_THAT(RescaleGuider(0.7, ClassifierFreeGuider(1.0)).Combine(kStep, One()),
              IsEqualTo(Cond()));
}

TEST(GuidersTest, RescaleRefusesAFactorOutsideZeroToOne) {
  EXPECT_ANY_THROW(RescaleGuider(1.5, ClassifierFreeGuider(5.0)));
}

TEST(GuidersTest, GradientsMatchFiniteDifferences) {
  const auto guided = [](const at::Tensor& x) {
    const std::vector<at::Tensor> predictions = {x.sin(), x * x};
    return RescaleGuider(0.7, ClassifierFreeGuider(5.0)).Combine(kStep, predictions);
  };
  EXPECT_LT(GradientError(guided, Uncond()), 1e-7);
}

}  // namespace
}  // namespace draftp::testing
