// What an adapter adds to each layer.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "draftp/convert/truncated_svd.h"
#include "draftp/convert/verify.h"
#include "draftp/io/count.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

double Norm(const at::Tensor& tensor) { return std::sqrt(SumOfSquares(tensor)); }

absl::StatusOr<ChangeNorm> NormOf(const LayerChange& change, const std::vector<int64_t>& shape,
                                  const TensorToWrite* weight) {
  ChangeNorm row{.layer = "", .kind = KindOf(change)};
  if (weight == nullptr && change.Has(AdapterRole::kMagnitude)) {
    row.norm = std::numeric_limits<double>::quiet_NaN();
    return row;
  }
  at::Tensor base = at::zeros(shape, at::kFloat);
  if (weight != nullptr) {
    const auto made = weight->make();
    if (!made.ok()) return made.status();
    base = made->to(at::kFloat);
  }
  // Without a magnitude W' - W doesn't depend on W, beside which it would be rounded.
  const bool dora = change.Has(AdapterRole::kMagnitude);
  const at::Tensor from = dora ? base : at::zeros(shape, at::kFloat);
  const auto changed = ChangedWeight(change, from);
  if (!changed.ok()) return changed.status();
  row.norm = Norm(*changed - from);
  if (weight != nullptr) row.relative = row.norm / Norm(base);
  return row;
}

}  // namespace

absl::StatusOr<std::vector<ChangeNorm>> ChangeNorms(const Adapter& adapter,
                                                    const LayerShapes& layers,
                                                    const ModelToWrite* base) {
  const at::NoGradGuard no_grad;
  std::vector<ChangeNorm> norms;
  for (int i = 0; i < kAdapterParts; ++i) {
    const auto part = static_cast<AdapterPart>(i);
    for (const auto& [path, change] : adapter.of(part)) {
      const TensorToWrite* const weight =
          base == nullptr ? nullptr : &base->of(ModelPartOf(part)).tensors.at(path + ".weight");
      absl::StatusOr<ChangeNorm> row =
          NormOf(change, layers.at(static_cast<size_t>(i)).at(path), weight);
      if (!row.ok()) return row.status();
      row->layer = absl::StrCat(PartName(part), ".", path);
      norms.push_back(*std::move(row));
    }
  }
  // Those without a number last.
  std::ranges::stable_sort(norms, [](const ChangeNorm& a, const ChangeNorm& b) {
    return std::isnan(b.norm) ? !std::isnan(a.norm) : a.norm > b.norm;
  });
  return norms;
}

void PrintNorms(const std::vector<ChangeNorm>& norms, std::ostream& out) {
  constexpr size_t kShown = 20;
  const auto number = [](double value) {
    return std::isnan(value) || value < 0 ? std::string("-") : absl::StrFormat("%.4g", value);
  };
  out << absl::StrFormat("%-10s  %-9s  %s\n", "|| dW ||", "to ||W||", "layer");
  double squares = 0;
  for (size_t i = 0; i < norms.size(); ++i) {
    const auto& [layer, kind, norm, relative] = norms[i];
    if (!std::isnan(norm)) squares += norm * norm;
    if (i >= kShown) continue;
    out << absl::StrFormat("%-10s  %-9s  %s: %s\n", number(norm), number(relative),
                           Printable(layer), kind);
  }
  if (norms.size() > kShown) {
    out << "and " << Count(static_cast<int64_t>(norms.size() - kShown), "layer") << " of "
        << number(norms[kShown].norm) << " to " << number(norms.back().norm) << '\n';
  }
  if (!norms.empty() && std::isnan(norms.back().norm))
    out << "-: a DoRA's change is of the base's weights, which --base gives\n";
  out << absl::StrFormat("%-10s  all together\n", number(std::sqrt(squares)));
}

}  // namespace draftp
