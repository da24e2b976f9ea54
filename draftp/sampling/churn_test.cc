// Tests of churn.
#include "draftp/sampling/churn.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

constexpr StepContext kChurnedStep{3, 10, 2.0, 1.5};

TEST(ChurnTest, RaisesSigmaByItsShareOfTheRun) {
  EXPECT_DOUBLE_EQ(Churn{.s_churn = 3.0}.SigmaHat(VarianceExploding(), kChurnedStep), 2.0 * 1.3);
}

TEST(ChurnTest, RaisesSigmaAtMostToItsDoubledSquare) {
  EXPECT_DOUBLE_EQ(Churn{.s_churn = 40.0}.SigmaHat(VarianceExploding(), kChurnedStep),
                   2.0 * std::sqrt(2.0));
}

TEST(ChurnTest, ActsBetweenItsEndsInclusive) {
  EXPECT_GT((Churn{.s_churn = 3.0, .s_tmin = 2.0, .s_tmax = 2.0}.SigmaHat(VarianceExploding(),
                                                                          kChurnedStep)),
            2.0);
  EXPECT_EQ((Churn{.s_churn = 3.0, .s_tmin = 2.001}.SigmaHat(VarianceExploding(), kChurnedStep)),
            2.0);
  EXPECT_EQ((Churn{.s_churn = 3.0, .s_tmax = 1.999}.SigmaHat(VarianceExploding(), kChurnedStep)),
            2.0);
}

TEST(ChurnTest, DefaultIsNone) {
  EXPECT_EQ(Churn{}.SigmaHat(VarianceExploding(), kChurnedStep), 2.0);
  EXPECT_EQ(Churn{}.s_tmin, 0.0);
  EXPECT_EQ(Churn{}.s_tmax, 999.0);
  EXPECT_EQ(Churn{}.s_noise, 1.0);
}

TEST(ChurnTest, AddsTheMissingVariance) {
  const at::Tensor x = at::linspace(-1, 1, 4, at::kDouble), eps = x.cos();
  ReplayNoise noise({eps});
  const at::Tensor raised =
      Churn{.s_churn = 3.0, .s_noise = 1.1}.Raise(VarianceExploding(), x, kChurnedStep, 2.6, noise);
  EXPECT_THAT(raised, IsCloseTo(x + 1.1 * eps * std::sqrt(2.6 * 2.6 - 4.0), 1e-15));
}

TEST(ChurnTest, DrawsNothingWhereItAddsNothing) {
  const at::Tensor x = at::linspace(-1, 1, 4, at::kDouble);
  ReplayNoise none;
  EXPECT_TRUE(Churn{}.Raise(VarianceExploding(), x, kChurnedStep, 2.0, none).is_same(x));
}

}  // namespace
}  // namespace draftp::testing
