// Conformance and formula of DPM-Solver++(2M).
#include "draftp/sampling/dpmpp_2m.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/sampler_conformance.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct Dpmpp2mTraits {
  static Dpmpp2m<> Default() { return Dpmpp2m(); }
  static Dpmpp2m<> Deterministic() { return Dpmpp2m(); }
  static constexpr int kOrder = 2;
  static constexpr int kEvaluations = 1;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Dpmpp2m, SamplerConformance, Dpmpp2mTraits);

TEST(Dpmpp2mTest, ExtrapolatesTheEstimateFromTheLastStep) {
  RecordingDenoiser<BimodalDenoiser> denoiser{{1.5, 0.4}};
  ReplayNoise none;
  Dpmpp2m<> sampler;
  const at::Tensor x =
      sampler.Step(denoiser, at::linspace(-4, 5, 6, at::kDouble), {0, 3, 5.0, 2.0}, none);
  const at::Tensor next = sampler.Step(denoiser, x, {1, 3, 2.0, 1.1}, none);
  const double h = std::log(2.0 / 1.1), r = std::log(5.0 / 2.0) / h;
  const at::Tensor estimate =
      (1 + 1 / (2 * r)) * denoiser.calls[1].denoised - 1 / (2 * r) * denoiser.calls[0].denoised;
  EXPECT_THAT(next, IsCloseTo(std::exp(-h) * x - std::expm1(-h) * estimate, 1e-14));
}

}  // namespace
}  // namespace draftp::testing
