// Conformance and formula of ancestral Euler.
#include "draftp/sampling/euler_ancestral.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/sampler_conformance.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct EulerAncestralTraits {
  static EulerAncestral<> Default() { return EulerAncestral(); }
  static EulerAncestral<> Deterministic() { return EulerAncestral({.eta = 0.0}); }
  static constexpr int kOrder = 1;
  static constexpr int kEvaluations = 1;
};
INSTANTIATE_TYPED_TEST_SUITE_P(EulerAncestral, SamplerConformance, EulerAncestralTraits);

TEST(EulerAncestralTest, GoesDownAndAddsNoise) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  const at::Tensor x = at::linspace(-4, 5, 6, at::kDouble), eps = (x * 3).cos();
  const StepContext step{1, 3, 2.0, 1.1};
  ReplayNoise noise({eps});
  const double up = 0.8 * std::sqrt(1.1 * 1.1 * (4.0 - 1.1 * 1.1) / 4.0),
               down = std::sqrt(1.1 * 1.1 - up * up);
  const at::Tensor expected =
      x + (down - 2.0) * (x - denoiser(x, 2.0, step)) / 2.0 + 1.2 * up * eps;
  EulerAncestral<> sampler({.eta = 0.8, .s_noise = 1.2});
  EXPECT_THAT(sampler.Step(denoiser, x, step, noise), IsCloseTo(expected, 1e-14));
}

TEST(EulerAncestralTest, AddsNoNoiseInTheLastStep) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  ReplayNoise none;
  EulerAncestral().Step(denoiser, at::linspace(-4, 5, 6, at::kDouble), {2, 3, 0.4, 0.0}, none);
  EXPECT_EQ(none.drawn(), 0u);
}

}  // namespace
}  // namespace draftp::testing
