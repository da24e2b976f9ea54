// Tests of the finite-difference check, right and wrong gradients.
#include "draftp/testing/gradient_check.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full_like.h>

namespace draftp::testing {
namespace {

at::Tensor Points() { return at::arange(1, 7, at::kDouble).view({2, 3}) / 4; }

TEST(GradientCheckTest, AcceptsARightGradient) {
  EXPECT_LT(GradientError([](const at::Tensor& x) { return x.tanh() * x; }, Points()), 1e-9);
}

TEST(GradientCheckTest, AcceptsItAlongRandomDirections) {
  EXPECT_LT(GradientError([](const at::Tensor& x) { return x.exp().sum(0); }, Points(),
                          {.directions = 4}),
            1e-8);
}

TEST(GradientCheckTest, NoticesAFactorThatAutogradDoesNotSee) {
  const auto f = [](const at::Tensor& x) { return x.detach().exp() * x; };
  EXPECT_GT(GradientError(f, Points()), 0.1);
  EXPECT_GT(GradientError(f, Points(), {.directions = 4}), 0.1);
}

TEST(GradientCheckTest, NoticesOneWrongCoordinate) {
  const auto f = [](const at::Tensor& x) {
    const at::Tensor y = x.sin();
    return y + (y.detach() - y) * at::arange(6, at::kDouble).view({2, 3}).eq(5);
  };
  EXPECT_GT(GradientError(f, Points()), 0.01);
}

TEST(GradientCheckTest, NoticesAMissingGradient) {
  EXPECT_GT(GradientError([](const at::Tensor& x) { return x.detach().exp(); }, Points()), 0.5);
}

TEST(GradientCheckTest, AFunctionThatIgnoresItsInputHasGradientZero) {
  EXPECT_EQ(GradientError([](const at::Tensor& x) { return at::full_like(x, 3.0); }, Points()),
            0.0);
}

TEST(GradientCheckTest, RefusesFloat32) {
  EXPECT_ANY_THROW(GradientError([](const at::Tensor& x) { return x; }, Points().to(at::kFloat)));
}

}  // namespace
}  // namespace draftp::testing
