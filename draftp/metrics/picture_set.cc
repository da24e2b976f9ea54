#include "draftp/metrics/picture_set.h"

#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <absl/status/status.h>
#include <absl/strings/str_format.h>
#include <c10/util/Exception.h>

namespace draftp {
namespace {

absl::Status BadRow(std::string_view metric, std::string_view set, const at::Tensor& good,
                    std::string_view found) {
  const at::Tensor first = good.logical_not().nonzero()[0][0];
  return absl::DataLossError(absl::StrFormat("%s: found %s in the embedding of picture %d of %s",
                                             metric, found, first.item<int64_t>(), set));
}

}  // namespace

absl::StatusOr<at::Tensor> CheckedEmbeddings(std::string_view metric, std::string_view set,
                                             const at::Tensor& embeddings, int64_t least) {
  TORCH_CHECK(embeddings.dim() == 2 && embeddings.size(1) > 0 && embeddings.is_floating_point(),
              metric, ": found embeddings ", embeddings.sizes(), " of dtype ",
              embeddings.scalar_type(), ", expected floating [n,P]");
  if (embeddings.size(0) < least) {
    return absl::FailedPreconditionError(absl::StrFormat("%s: %s has %d of the %d pictures needed",
                                                         metric, set, embeddings.size(0), least));
  }
  const at::Tensor rows = embeddings.detach().to(at::kCPU, at::kDouble);
  const at::Tensor finite = at::isfinite(rows).all(1);
  if (!finite.all().item<bool>()) return BadRow(metric, set, finite, "NaN or infinity");
  return rows;
}

absl::StatusOr<at::Tensor> UnitEmbeddings(std::string_view metric, std::string_view set,
                                          const at::Tensor& embeddings, int64_t least) {
  const auto rows = CheckedEmbeddings(metric, set, embeddings, least);
  if (!rows.ok()) return rows;
  const at::Tensor lengths = at::linalg_vector_norm(*rows, 2, {1}, true);
  const at::Tensor good = lengths.squeeze(1).gt(0);
  if (!good.all().item<bool>()) return BadRow(metric, set, good, "nothing but zeros");
  return rows->div(lengths);
}

absl::StatusOr<std::vector<at::Tensor>> ByPrompt(std::string_view metric,
                                                 const at::Tensor& embeddings,
                                                 const std::vector<int64_t>& sizes, int64_t least) {
  if (sizes.empty())
    return absl::FailedPreconditionError(absl::StrFormat("%s: there is no prompt", metric));
  for (size_t p = 0; p < sizes.size(); ++p) {
    if (sizes[p] < least) {
      return absl::FailedPreconditionError(absl::StrFormat(
          "%s: prompt %d has %d of the %d pictures needed", metric, p, sizes[p], least));
    }
  }
  std::vector<at::Tensor> groups;
  int64_t begin = 0;
  for (const int64_t size : sizes) {
    TORCH_CHECK(begin + size <= embeddings.size(0), metric, ": prompts have more pictures than ",
                embeddings.size(0));
    groups.push_back(embeddings.narrow(0, begin, size));
    begin += size;
  }
  TORCH_CHECK(begin == embeddings.size(0), metric, ": prompts have ", begin, " pictures of ",
              embeddings.size(0));
  return groups;
}

}  // namespace draftp
