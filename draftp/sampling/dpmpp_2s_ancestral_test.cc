// Conformance and formula of ancestral DPM-Solver++(2S).
#include "draftp/sampling/dpmpp_2s_ancestral.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/sampler_conformance.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct Dpmpp2sAncestralTraits {
  static Dpmpp2sAncestral<> Default() { return Dpmpp2sAncestral(); }
  static Dpmpp2sAncestral<> Deterministic() { return Dpmpp2sAncestral({.eta = 0.0}); }
  static constexpr int kOrder = 2;
  static constexpr int kEvaluations = 2;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Dpmpp2sAncestral, SamplerConformance, Dpmpp2sAncestralTraits);

TEST(Dpmpp2sAncestralTest, TheMidpointIsTheGeometricMeanOfSigmaAndDown) {
  RecordingDenoiser<BimodalDenoiser> denoiser{{1.5, 0.4}};
  ReplayNoise none;
  Dpmpp2sAncestral({.eta = 0.0})
      .Step(denoiser, at::linspace(-4, 5, 6, at::kDouble), {1, 3, 2.0, 1.1}, none);
  EXPECT_DOUBLE_EQ(denoiser.calls[1].sigma, std::sqrt(2.0 * 1.1));
}

}  // namespace
}  // namespace draftp::testing
