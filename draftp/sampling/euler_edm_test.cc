// Conformance and formula of Euler with churn.
#include "draftp/sampling/euler_edm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/sampler_conformance.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct EulerEdmTraits {
  static EulerEdm<> Default() { return EulerEdm({.s_churn = 1.0}); }
  static EulerEdm<> Deterministic() { return EulerEdm(); }
  static constexpr int kOrder = 1;
  static constexpr int kEvaluations = 1;
};
INSTANTIATE_TYPED_TEST_SUITE_P(EulerEdm, SamplerConformance, EulerEdmTraits);

// x + (sigma_next - sigma_hat) (x - D)/sigma_hat, written as in the paper.
TEST(EulerEdmTest, StepsAlongTheDerivativeAtSigma) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  const at::Tensor x = at::linspace(-4, 5, 6, at::kDouble);
  const StepContext step{1, 3, 2.0, 1.1};
  ReplayNoise none;
  const at::Tensor d = (x - denoiser(x, 2.0, step)) / 2.0;
  EXPECT_THAT(EulerEdm().Step(denoiser, x, step, none), IsCloseTo(x + (1.1 - 2.0) * d, 1e-14));
}

TEST(EulerEdmTest, ChurnEvaluatesAtSigmaHatWithNoiseToMatch) {
  RecordingDenoiser<BimodalDenoiser> denoiser{{1.5, 0.4}};
  const at::Tensor x = at::linspace(-4, 5, 6, at::kDouble), eps = (x * 3).cos();
  const StepContext step{1, 4, 2.0, 1.1};
  ReplayNoise noise({eps});
  const at::Tensor next = EulerEdm({.s_churn = 1.0, .s_noise = 1.1}).Step(denoiser, x, step, noise);
  const double sigma_hat = 2.0 * 1.25;
  const at::Tensor x_hat = x + 1.1 * eps * std::sqrt(sigma_hat * sigma_hat - 4.0);
  EXPECT_EQ(denoiser.calls[0].sigma, sigma_hat);
  EXPECT_THAT(denoiser.calls[0].x, IsCloseTo(x_hat, 1e-14));
  const at::Tensor d = (x_hat - denoiser.calls[0].denoised) / sigma_hat;
  EXPECT_THAT(next, IsCloseTo(x_hat + (1.1 - sigma_hat) * d, 1e-14));
}

}  // namespace
}  // namespace draftp::testing
