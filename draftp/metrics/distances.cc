#include "draftp/metrics/distances.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/matmul.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "draftp/metrics/picture_set.h"

namespace draftp {
namespace {

constexpr double kBandwidth = 10;
constexpr int64_t kNoProducts = 2;  // cdist: differences themselves, so that equal rows are 0 apart

absl::StatusOr<std::pair<at::Tensor, at::Tensor>> Both(std::string_view metric,
                                                       const at::Tensor& embeddings,
                                                       const at::Tensor& base, int64_t least) {
  const auto a = CheckedEmbeddings(metric, "the set", embeddings, least);
  if (!a.ok()) return a.status();
  const auto b = CheckedEmbeddings(metric, "base", base, least);
  if (!b.ok()) return b.status();
  TORCH_CHECK(a->size(1) == b->size(1), metric, ": found embeddings of ", a->size(1), " and ",
              b->size(1), " numbers, expected as many");
  return std::pair(*a, *b);
}

// R with R^T R the covariance of rows [n,P]; [min(n,P),P].
at::Tensor CovarianceFactor(const at::Tensor& rows, const at::Tensor& mean) {
  const at::Tensor factor = std::get<1>(at::linalg_qr(rows - mean, "r"));
  return factor / std::sqrt(static_cast<double>(rows.size(0) - 1));
}

// The mean of k - 1 over all pairs: k is close to 1 for unit rows, and its difference of means is
// small.
double MeanKernelLessOne(const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor squares = at::cdist(x, y, 2, kNoProducts).square();
  return at::expm1(squares / (-2 * kBandwidth * kBandwidth)).mean().item<double>();
}

}  // namespace

absl::StatusOr<FrechetResult> FrechetDistance(const at::Tensor& embeddings,
                                              const at::Tensor& base) {
  const auto both = Both("Frechet distance", embeddings, base, 2);
  if (!both.ok()) return both.status();
  const auto& [x, y] = *both;
  const at::Tensor mean_x = x.mean(0), mean_y = y.mean(0);
  const at::Tensor a = CovarianceFactor(x, mean_x), b = CovarianceFactor(y, mean_y);
  const double means = (mean_x - mean_y).square().sum().item<double>();
  const double traces = (a.square().sum() + b.square().sum()).item<double>();
  const double root = at::linalg_svdvals(at::matmul(a, b.transpose(0, 1))).sum().item<double>();
  return FrechetResult{.distance = std::max(0.0, means + traces - 2 * root),
                       .pictures = x.size(0),
                       .base_pictures = y.size(0),
                       .dimensions = x.size(1),
                       .singular = std::min(x.size(0), y.size(0)) <= x.size(1)};
}

absl::StatusOr<double> Cmmd(const at::Tensor& embeddings, const at::Tensor& base) {
  const auto both = Both("CMMD", embeddings, base, 1);
  if (!both.ok()) return both.status();
  const auto& [x, y] = *both;
  const double squared =
      MeanKernelLessOne(x, x) + MeanKernelLessOne(y, y) - 2 * MeanKernelLessOne(x, y);
  return 1000 * std::max(0.0, squared);
}

}  // namespace draftp
