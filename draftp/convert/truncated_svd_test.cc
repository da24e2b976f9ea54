#include "draftp/convert/truncated_svd.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

at::Tensor Normal(int64_t rows, int64_t columns, uint64_t seed) {
  return at::randn({rows, columns}, at::make_generator<at::CPUGeneratorImpl>(seed), at::kDouble);
}

// Of these singular values, in random directions.
at::Tensor WithSpectrum(int64_t rows, int64_t columns, const at::Tensor& values) {
  const int64_t count = values.size(0);
  const at::Tensor u = std::get<0>(at::linalg_qr(Normal(rows, count, 1), "reduced")),
                   v = std::get<0>(at::linalg_qr(Normal(columns, count, 2), "reduced"));
  return at::matmul(u * values, v.t());
}

double Residual(const at::Tensor& matrix, const TruncatedSvd& svd) {
  const at::Tensor near = at::matmul(svd.u * svd.s, svd.v.t()).to(at::kDouble);
  return at::linalg_vector_norm(matrix - near).item<double>();
}

// Eckart and Young: the root of the sum of the squares of the other singular values, in float64.
double SmallestResidual(const at::Tensor& matrix, int64_t r) {
  const at::Tensor values = at::linalg_svdvals(matrix);
  return std::sqrt(values.slice(0, r).pow(2).sum().item<double>());
}

void ExpectNearlyBest(const at::Tensor& matrix, int64_t r) {
  const TruncatedSvd svd = LargestSingularValues(matrix.to(at::kFloat), r);
  EXPECT_EQ(svd.u.sizes(), at::IntArrayRef({matrix.size(0), r}));
  EXPECT_EQ(svd.v.sizes(), at::IntArrayRef({matrix.size(1), r}));
  const double best = SmallestResidual(matrix, r);
  EXPECT_LE(Residual(matrix, svd), 1.01 * best) << r;
  EXPECT_THAT(at::matmul(svd.u.t(), svd.u), IsCloseTo(at::eye(r), 1e-4));
}

// A spectrum that is flat is where the iteration goes slowest; a steep one where roundings count.
TEST(TruncatedSvdTest, IsWithinAHundredthOfTheBest) {
  for (const int64_t r : {1, 8, 32}) {
    ExpectNearlyBest(Normal(300, 420, 3), r);
    ExpectNearlyBest(Normal(500, 260, 4), r);
    const at::Tensor n = at::arange(1, 241, at::kDouble);
    ExpectNearlyBest(WithSpectrum(240, 700, n.pow(-0.5)), r);
    ExpectNearlyBest(WithSpectrum(700, 240, n.pow(-2)), r);
    ExpectNearlyBest(WithSpectrum(260, 300, n.pow(-0.1)), r);
  }
}

TEST(TruncatedSvdTest, AMatrixOfThatRankIsWholly) {
  const at::Tensor matrix = WithSpectrum(400, 300, at::arange(1, 9, at::kDouble));
  const TruncatedSvd svd = LargestSingularValues(matrix.to(at::kFloat), 8);
  EXPECT_LT(Residual(matrix, svd) / at::linalg_vector_norm(matrix).item<double>(), 1e-5);
  EXPECT_NEAR(svd.s[0].item<double>(), 8, 1e-4);
  EXPECT_NEAR(svd.s[7].item<double>(), 1, 1e-4);
}

TEST(TruncatedSvdTest, SmallMatricesAndLargeRanks) {
  ExpectNearlyBest(Normal(12, 7, 5), 3);
  ExpectNearlyBest(Normal(100, 90, 6), 60);
}

}  // namespace
}  // namespace draftp::testing
