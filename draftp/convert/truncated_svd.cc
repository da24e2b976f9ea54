#include "draftp/convert/truncated_svd.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <tuple>

namespace draftp {
namespace {

at::Tensor Orthonormal(const at::Tensor& matrix) {
  return std::get<0>(at::linalg_qr(matrix, "reduced"));
}

TruncatedSvd Whole(const at::Tensor& matrix, int64_t r) {
  const auto [u, s, vh] = at::linalg_svd(matrix, /*full_matrices=*/false);
  return {u.narrow(1, 0, r), s.narrow(0, 0, r), vh.narrow(0, 0, r).t()};
}

}  // namespace

double SumOfSquares(const at::Tensor& tensor) {
  return tensor.to(at::kDouble).pow(2).sum().item<double>();
}

TruncatedSvd LargestSingularValues(const at::Tensor& matrix, int64_t r) {
  const at::NoGradGuard no_grad;
  constexpr int64_t kMore = 32;  // directions beside the r, by which the iteration is faster
  constexpr int kMostSteps = 60;
  constexpr double kStill = 2e-4;  // of the residual's square
  const int64_t smaller = std::min(matrix.size(0), matrix.size(1)), block = r + kMore;
  if (2 * block >= smaller) return Whole(matrix, r);
  const double all = SumOfSquares(matrix);
  at::Tensor q = Orthonormal(
      at::matmul(matrix, at::randn({matrix.size(1), block},
                                   at::make_generator<at::CPUGeneratorImpl>(7), matrix.options())));
  double captured = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    const at::Tensor z = Orthonormal(at::matmul(matrix.t(), q));
    const auto [next, triangle] = at::linalg_qr(at::matmul(matrix, z), "reduced");
    q = next;
    const double now = SumOfSquares(at::linalg_svdvals(triangle).narrow(0, 0, r));
    const bool still = now - captured <= kStill * std::max(all - now, 1e-12 * all);
    captured = now;
    if (still) break;
  }
  const TruncatedSvd inner = Whole(at::matmul(q.t(), matrix), r);
  return {at::matmul(q, inner.u), inner.s, inner.v};
}

}  // namespace draftp
