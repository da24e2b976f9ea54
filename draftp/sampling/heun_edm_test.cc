// Conformance and formula of Heun.
#include "draftp/sampling/heun_edm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/sampler_conformance.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct HeunEdmTraits {
  static HeunEdm<> Default() { return HeunEdm({.s_churn = 1.0}); }
  static HeunEdm<> Deterministic() { return HeunEdm(); }
  static constexpr int kOrder = 2;
  static constexpr int kEvaluations = 2;
};
INSTANTIATE_TYPED_TEST_SUITE_P(HeunEdm, SamplerConformance, HeunEdmTraits);

TEST(HeunEdmTest, AveragesTheDerivativesAtBothEnds) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  const at::Tensor x = at::linspace(-4, 5, 6, at::kDouble);
  const StepContext step{1, 3, 2.0, 1.1};
  ReplayNoise none;
  const at::Tensor d = (x - denoiser(x, 2.0, step)) / 2.0;
  const at::Tensor euler = x + (1.1 - 2.0) * d;
  const at::Tensor corrected = (euler - denoiser(euler, 1.1, step)) / 1.1;
  EXPECT_THAT(HeunEdm().Step(denoiser, x, step, none),
              IsCloseTo(x + (1.1 - 2.0) * (d + corrected) / 2, 1e-14));
}

TEST(HeunEdmTest, SkipsTheSecondEvaluationAtZero) {
  RecordingDenoiser<BimodalDenoiser> denoiser{{1.5, 0.4}};
  ReplayNoise none;
  HeunEdm().Step(denoiser, at::linspace(-4, 5, 6, at::kDouble), {2, 3, 0.4, 0.0}, none);
  EXPECT_EQ(denoiser.calls.size(), 1u);
}

}  // namespace
}  // namespace draftp::testing
