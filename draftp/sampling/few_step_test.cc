// Conformance and formulas of the samplers of few-step models; diffusers' runs of them:
// any_sampler_test.cc.
#include "draftp/sampling/few_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/euler_edm.h"
#include "draftp/sampling/sampler_conformance.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct LcmTraits {
  static Lcm Default() { return Lcm(); }
  static constexpr bool kOfFewSteps = true;
  static constexpr int kEvaluations = 1;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Lcm, SamplerConformance, LcmTraits);

struct TcdTraits {
  static Tcd Default() { return Tcd(); }
  static Tcd Deterministic() { return Tcd(0.0); }
  static constexpr bool kOfFewSteps = true;
  static constexpr int kOrder = 1;
  static constexpr int kEvaluations = 1;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Tcd, SamplerConformance, TcdTraits);

// Where the flow of GaussianDenoiser{0.7, 0.5} ends: what a consistency model learns.
const auto kEndOfFlow = [](const at::Tensor& x, double sigma, const StepContext&) {
  return 0.7 + 0.5 / std::sqrt(0.25 + sigma * sigma) * (x - 0.7);
};

TEST(LcmTest, DrawsTheDataLawOfAConsistencyModelInAnyNumberOfSteps) {
  for (const std::vector<double>& sigmas :
       {std::vector<double>{14.6, 0.0}, {14.6, 5.0, 1.0, 0.0}}) {
    PerImageNoise noise(/*seed=*/20, std::vector<int64_t>{0});
    const at::Tensor x =
        VarianceExploding().Initial(noise.Initial({1, 1, 100, 100}).to(at::kDouble), sigmas[0]);
    const at::Tensor end =
        ResumeTrajectory(sigmas, 0, kEndOfFlow, Lcm(), InferenceOnly(), x, noise);
    EXPECT_NEAR(end.mean().item<double>(), 0.7, 0.03);
    EXPECT_NEAR(end.std().item<double>(), 0.5, 0.02);
  }
}

TEST(LcmTest, KeepsTheStateAtTheLowestTime) {
  const DdpmTable& table = DdpmTable::Standard();
  const at::Tensor x = at::linspace(-4, 5, 6, at::kDouble);
  ReplayNoise none;
  const double sigma = table.sigmas()[0];  // time 0: c_skip 1, c_out 0
  EXPECT_THAT(Lcm().Step(kEndOfFlow, x, {0, 1, sigma, 0.0}, none),
              IsCloseTo(x / std::sqrt(sigma * sigma + 1), 1e-14));
}

TEST(TcdTest, WithoutGammaIsEuler) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  const at::Tensor x = at::linspace(-4, 5, 6, at::kDouble);
  const StepContext step{1, 3, 2.0, 1.1};
  ReplayNoise none;
  EXPECT_THAT(Tcd(0.0).Step(denoiser, x, step, none),
              IsCloseTo(EulerEdm().Step(denoiser, x, step, none), 1e-14));
}

TEST(TcdTest, GoesFurtherDownAndBackUp) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  const DdpmTable& table = DdpmTable::Standard();
  const at::Tensor x = at::linspace(-4, 5, 6, at::kDouble), eps = (x * 3).cos();
  const double high = table.sigmas()[759], next = table.sigmas()[499], low = table.sigmas()[349];
  ReplayNoise noise({eps});
  const at::Tensor d = (x - denoiser(x, high, {})) / high;
  EXPECT_THAT(Tcd(0.3).Step(denoiser, x, {1, 4, high, next}, noise),
              IsCloseTo(x + (low - high) * d + std::sqrt(next * next - low * low) * eps, 1e-13));
}

TEST(TcdTest, GammaIsAPart) {
  EXPECT_ANY_THROW(Tcd(-0.1));
  EXPECT_ANY_THROW(Tcd(1.1));
}

}  // namespace
}  // namespace draftp::testing
