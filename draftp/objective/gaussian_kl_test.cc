// Tests of the KL term with denoisers of known noise estimates.
#include "draftp/objective/gaussian_kl.h"

#include <gtest/gtest.h>

#include "draftp/testing/gradient_check.h"

namespace draftp {
namespace {

// D = x - sigma d(x), with the noise estimate d(x) = factor tanh(x).
struct TanhDenoiser {
  double factor;
  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext&) {
    return x - sigma * factor * x.tanh();
  }
};

at::Tensor X() { return at::randn({2, 3}, at::detail::createCPUGenerator(7), at::kDouble); }

// The KL's share of one call at x in a step that does `action`.
at::Tensor KlAt(const at::Tensor& x, StepAction action, int evaluation = 0,
                KlWeight weight = KlWeight::kOne) {
  TanhDenoiser base{0.5}, tuned{0.7};
  GaussianKl kl(base, weight);
  const StepContext step{0, 1, 2.0, 0.0};
  kl({x, 2.0, step, evaluation, action, tuned(x, 2.0, step)});
  return kl.Mean();
}

TEST(GaussianKl, IsTheMeanSquaredDifferenceOfNoiseEstimates) {
  const at::Tensor expected = (0.2 * X().tanh()).square().mean();
  EXPECT_NEAR(KlAt(X(), StepAction::kGradient).item<double>(), expected.item<double>(), 1e-12);
  EXPECT_NEAR(KlAt(X(), StepAction::kGradient, 0, KlWeight::kInverseSigmaSquared).item<double>(),
              expected.item<double>() / 4, 1e-12);
}

TEST(GaussianKl, TakesStepsThatTrainTheNetworkAndTheirFirstEvaluation) {
  EXPECT_EQ(KlAt(X(), StepAction::kNoGradient).item<double>(), 0.0);
  EXPECT_EQ(KlAt(X(), StepAction::kStateOnly).item<double>(), 0.0);
  EXPECT_EQ(KlAt(X(), StepAction::kGradient, 1).item<double>(), 0.0);
  EXPECT_GT(KlAt(X(), StepAction::kDetachedInput).item<double>(), 0.0);
}

// At fixed x_0 the base's estimate is a constant: d/dx of mean((0.7 tanh x - c)^2).
TEST(GaussianKl, GradientFlowsThroughTheTunedEstimateAlone) {
  const at::Tensor x = X();
  const at::Tensor constant = 0.5 * x.tanh();
  const auto held = [&](const at::Tensor& y) {
    return (0.7 * y.tanh() - constant).square().mean();
  };
  const auto kl = [](const at::Tensor& y) { return KlAt(y, StepAction::kGradient); };
  EXPECT_LT(testing::GradientError(held, x), 1e-7);
  EXPECT_LT(
      testing::RelativeError(testing::AutogradGradient(kl, x), testing::AutogradGradient(held, x)),
      1e-12);
}

}  // namespace
}  // namespace draftp
