#include "draftp/metrics/diversity.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/xlogy.h>
#include <absl/status/status.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "draftp/metrics/picture_set.h"

namespace draftp {
namespace {

constexpr char kDiversity[] = "pairwise diversity";

// Unit rows by prompt, each of at least so many.
absl::StatusOr<std::vector<at::Tensor>> UnitRows(const char* metric, const at::Tensor& embeddings,
                                                 const std::vector<int64_t>& sizes, int64_t least) {
  const auto rows = UnitEmbeddings(metric, "the set", embeddings, 1);
  if (!rows.ok()) return rows.status();
  return ByPrompt(metric, *rows, sizes, least);
}

at::Tensor Cosines(const at::Tensor& rows) {
  return at::matmul(rows, rows.transpose(0, 1)).contiguous();
}

// 1 - the mean of cosines [n,n] over pairs of different pictures among `drawn`; NaN where there are
// none.
double OfDrawn(const at::Tensor& cosines, std::span<const int64_t> drawn) {
  const double* const values = cosines.const_data_ptr<double>();
  const int64_t n = cosines.size(0);
  double sum = 0, pairs = 0;
  for (size_t a = 0; a < drawn.size(); ++a) {
    for (size_t b = a + 1; b < drawn.size(); ++b) {
      if (drawn[a] == drawn[b]) continue;
      sum += values[drawn[a] * n + drawn[b]];
      ++pairs;
    }
  }
  return pairs > 0 ? 1 - sum / pairs : std::numeric_limits<double>::quiet_NaN();
}

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

absl::StatusOr<Interval> NotBelowZero(absl::StatusOr<Interval> interval) {
  if (interval.ok()) interval->low = std::max(0.0, interval->low);
  return interval;
}

// Of unit rows [n,P]: K / n and the rows' second moment have the same eigenvalues but for zeros.
double Vendi(const at::Tensor& rows) {
  const at::Tensor gram = rows.size(0) <= rows.size(1) ? at::matmul(rows, rows.transpose(0, 1))
                                                       : at::matmul(rows.transpose(0, 1), rows);
  const at::Tensor values =
      at::linalg_eigvalsh(gram / static_cast<double>(rows.size(0))).clamp_min(0);
  return std::exp(-at::xlogy(values, values).sum().item<double>());
}

}  // namespace

absl::StatusOr<std::vector<double>> PromptDiversities(const at::Tensor& embeddings,
                                                      const std::vector<int64_t>& sizes) {
  const auto groups = UnitRows(kDiversity, embeddings, sizes, 2);
  if (!groups.ok()) return groups.status();
  std::vector<double> diversities;
  for (const at::Tensor& rows : *groups) {
    const auto n = static_cast<double>(rows.size(0));
    // The sum over all pairs is the square of the sum of rows.
    const double all = rows.sum(0).square().sum().item<double>();
    diversities.push_back(1 - (all - n) / (n * (n - 1)));
  }
  return diversities;
}

absl::StatusOr<double> PairwiseDiversity(const at::Tensor& embeddings,
                                         const std::vector<int64_t>& sizes) {
  const auto diversities = PromptDiversities(embeddings, sizes);
  if (!diversities.ok()) return diversities.status();
  return Mean(*diversities);
}

absl::StatusOr<Interval> DiversityInterval(const at::Tensor& embeddings,
                                           const std::vector<int64_t>& sizes,
                                           const BootstrapOptions& options) {
  const bool one = sizes.size() == 1;
  const auto groups = UnitRows(kDiversity, embeddings, sizes, one ? 3 : 2);
  if (!groups.ok()) return groups.status();
  if (one) {
    const at::Tensor cosines = Cosines((*groups)[0]);
    const auto statistic = [&](std::span<const DrawnPrompt> drawn) {
      return OfDrawn(cosines, drawn[0].pictures);
    };
    return NotBelowZero(Bootstrap(sizes, statistic, options));
  }
  const auto diversities = PromptDiversities(embeddings, sizes);
  if (!diversities.ok()) return diversities.status();
  ValuesByPrompt values;
  for (const double diversity : *diversities) values.push_back({diversity});
  return NotBelowZero(MeanInterval(values, options));
}

absl::StatusOr<VendiScores> VendiScore(const at::Tensor& embeddings,
                                       const std::vector<int64_t>& sizes) {
  const auto groups = UnitRows("Vendi score", embeddings, sizes, 1);
  if (!groups.ok()) return groups.status();
  const auto all = UnitEmbeddings("Vendi score", "the set", embeddings, 1);
  if (!all.ok()) return all.status();
  std::vector<double> scores;
  for (const at::Tensor& rows : *groups) scores.push_back(Vendi(rows));
  const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
  return VendiScores{.per_prompt = Mean(scores),
                     .overall = Vendi(*all),
                     .least_pictures = *least,
                     .most_pictures = *most,
                     .pictures = all->size(0)};
}

}  // namespace draftp
