#include "draftp/metrics/manifolds.h"

#include <ATen/ops/cdist.h>
#include <ATen/ops/kthvalue.h>
#include <c10/util/Exception.h>

#include <tuple>

#include "draftp/metrics/picture_set.h"

namespace draftp {
namespace {

constexpr int64_t kNoProducts = 2;  // cdist: differences themselves, so that equal rows are 0 apart

// The distance of each row to its k-th neighbour; the row itself, 0 apart, is the first of k + 1.
at::Tensor Radii(const at::Tensor& rows, int64_t k) {
  return std::get<0>(at::kthvalue(at::cdist(rows, rows, 2, kNoProducts), k + 1, 1));
}

double Share(const at::Tensor& flags) { return flags.to(at::kDouble).mean().item<double>(); }

}  // namespace

absl::StatusOr<ManifoldScores> CompareManifolds(const at::Tensor& embeddings,
                                                const at::Tensor& base, int64_t k) {
  TORCH_CHECK(k >= 1, "CompareManifolds: found k ", k, ", expected 1 or more");
  const auto x = CheckedEmbeddings("precision and recall", "the set", embeddings, k + 1);
  if (!x.ok()) return x.status();
  const auto y = CheckedEmbeddings("precision and recall", "base", base, k + 1);
  if (!y.ok()) return y.status();
  TORCH_CHECK(x->size(1) == y->size(1), "CompareManifolds: found embeddings of ", x->size(1),
              " and ", y->size(1), " numbers, expected as many");
  const at::Tensor apart = at::cdist(*y, *x, 2, kNoProducts);          // [m,n]
  const at::Tensor in_base = apart.lt(Radii(*y, k).unsqueeze(1));      // [m,n]
  const at::Tensor in_pictures = apart.lt(Radii(*x, k).unsqueeze(0));  // [m,n]
  return ManifoldScores{
      .precision = Share(in_base.any(0)),
      .recall = Share(in_pictures.any(1)),
      .density = in_base.to(at::kDouble).sum(0).mean().item<double>() / static_cast<double>(k),
      .coverage = Share(in_base.any(1))};
}

}  // namespace draftp
