// Tests of the closed-form denoisers against quadrature.
#include "draftp/sampling/analytic_denoiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cmath>

namespace draftp::testing {
namespace {

constexpr StepContext kOnlyStep{0, 1, 1.0, 0.0};

// E[image | x] by the trapezium rule over Bayes' formula, for a prior density (not normalised).
template <class Prior>
double PosteriorMean(Prior prior, double x, double sigma) {
  double weight = 0, sum = 0;
  for (double y = -12; y <= 12; y += 1e-3) {
    const double density = prior(y) * std::exp(-(x - y) * (x - y) / (2 * sigma * sigma));
    weight += density;
    sum += density * y;
  }
  return sum / weight;
}

double Bell(double y, double mean, double deviation) {
  return std::exp(-(y - mean) * (y - mean) / (2 * deviation * deviation));
}

TEST(AnalyticDenoiserTest, GaussianIsThePosteriorMean) {
  const double expected = PosteriorMean([](double y) { return Bell(y, 0.7, 0.5); }, 2.0, 1.3);
  const at::Tensor actual =
      GaussianDenoiser{0.7, 0.5}(at::full({1}, 2.0, at::kDouble), 1.3, kOnlyStep);
  EXPECT_NEAR(actual.item<double>(), expected, 1e-9);
}

TEST(AnalyticDenoiserTest, BimodalIsThePosteriorMean) {
  const auto prior = [](double y) { return Bell(y, 1.5, 0.4) + Bell(y, -1.5, 0.4); };
  const at::Tensor actual =
      BimodalDenoiser{1.5, 0.4}(at::full({1}, 0.3, at::kDouble), 1.1, kOnlyStep);
  EXPECT_NEAR(actual.item<double>(), PosteriorMean(prior, 0.3, 1.1), 1e-9);
}

TEST(AnalyticDenoiserTest, GaussianFlowSolvesItsEquation) {
  const GaussianDenoiser denoiser{0.7, 0.5};
  const at::Tensor x = at::full({1}, 2.0, at::kDouble);
  const double h = 1e-5;
  const double slope =
      ((denoiser.Flow(x, 3.0, 3.0 + h) - denoiser.Flow(x, 3.0, 3.0 - h)) / (2 * h)).item<double>();
  EXPECT_NEAR(slope, ((x - denoiser(x, 3.0, kOnlyStep)) / 3.0).item<double>(), 1e-9);
}

}  // namespace
}  // namespace draftp::testing
