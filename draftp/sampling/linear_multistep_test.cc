// Conformance and coefficients of the linear multistep method.
#include "draftp/sampling/linear_multistep.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/sampler_conformance.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct LinearMultistepTraits {
  static LinearMultistep<> Default() { return LinearMultistep(); }
  static LinearMultistep<> Deterministic() { return LinearMultistep(); }
  static constexpr int kOrder = 2;
  static constexpr int kEvaluations = 1;
};
INSTANTIATE_TYPED_TEST_SUITE_P(LinearMultistep, SamplerConformance, LinearMultistepTraits);

// Five-point Gauss-Legendre quadrature: exact for polynomials up to degree 9.
double Integral(const std::vector<double>& sigmas, std::size_t j, double end) {
  const double nodes[] = {0, 0.5384693101056831, -0.5384693101056831, 0.9061798459386640,
                          -0.9061798459386640};
  const double weights[] = {128 / 225., 0.4786286704993665, 0.4786286704993665, 0.2369268850561891,
                            0.2369268850561891};
  const double half = (end - sigmas[0]) / 2, middle = (end + sigmas[0]) / 2;
  double sum = 0;
  for (int q = 0; q < 5; ++q) {
    double product = weights[q] * half;
    for (std::size_t k = 0; k < sigmas.size(); ++k) {
      if (k != j) product *= (middle + half * nodes[q] - sigmas[k]) / (sigmas[j] - sigmas[k]);
    }
    sum += product;
  }
  return sum;
}

TEST(LinearMultistepTest, CoefficientsIntegrateTheLagrangePolynomials) {
  for (std::size_t order = 1; order <= 8; ++order) {
    const std::vector<double> all = {1.0, 1.7, 2.6, 3.7, 5.0, 6.5, 8.2, 10.1};
    const std::vector<double> sigmas(all.begin(), all.begin() + order);
    const std::vector<double> actual = AdamsBashforthCoefficients(sigmas, 0.45);
    for (std::size_t j = 0; j < order; ++j)
      EXPECT_NEAR(actual[j], Integral(sigmas, j, 0.45), 1e-11);
  }
}

TEST(LinearMultistepTest, EvenStepsGiveAdamsBashforthsFractions) {
  const std::vector<double> actual = AdamsBashforthCoefficients(std::vector<double>{4, 5, 6, 7}, 3);
  const double expected[] = {-55 / 24., 59 / 24., -37 / 24., 9 / 24.};
  for (int j = 0; j < 4; ++j) EXPECT_NEAR(actual[j], expected[j], 1e-13);
}

TEST(LinearMultistepTest, HigherOrderIsMoreAccurate) {
  const GaussianDenoiser gaussian{0.7, 0.5};
  const at::Tensor x = at::linspace(-9, 12, 6, at::kDouble);
  std::vector<double> errors;
  for (int order = 1; order <= 4; ++order) {
    std::vector<double> sigmas;
    for (int i = 0; i <= 60; ++i) sigmas.push_back(10.0 * std::pow(0.05, i / 60.0));
    ReplayNoise none;
    const at::Tensor end =
        ResumeTrajectory(sigmas, 0, gaussian, LinearMultistep(order), InferenceOnly(), x, none);
    errors.push_back(RelativeError(end, gaussian.Flow(x, sigmas.front(), sigmas.back())));
  }
  EXPECT_LT(errors[1], errors[0] / 3);
  EXPECT_LT(errors[2], errors[1]);
  EXPECT_LT(errors[3], errors[1]);
}

TEST(LinearMultistepTest, RefusesAnOrderBelowOne) { EXPECT_ANY_THROW(LinearMultistep(0)); }

}  // namespace
}  // namespace draftp::testing
