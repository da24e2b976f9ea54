#include "draftp/convert/merged_adapters.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/count_nonzero.h>
#include <ATen/ops/empty.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>

#include "draftp/io/count.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using Change = std::shared_ptr<const LayerChange>;

absl::Status Error(const Adapter& adapter, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(Printable(adapter.source, 4096), ": ", what));
}

// The tensor in float32 as `change` leaves it.
TensorToWrite ChangedWeightOf(const TensorToWrite& weight, Change change, double scale) {
  const auto make = [make = weight.make, change = std::move(change),
                     scale]() -> absl::StatusOr<at::Tensor> {
    const at::NoGradGuard no_grad;
    const absl::StatusOr<at::Tensor> made = make();
    if (!made.ok()) return made.status();
    return ChangedWeight(*change, made->to(at::kFloat), scale);
  };
  return {at::kFloat, weight.shape, make};
}

TensorToWrite ChangedBiasOf(const TensorToWrite& bias, Change change, double scale) {
  const auto make = [make = bias.make, change = std::move(change), scale,
                     outputs = bias.shape.at(0)]() -> absl::StatusOr<at::Tensor> {
    const at::NoGradGuard no_grad;
    const absl::StatusOr<at::Tensor> made = make();
    if (!made.ok()) return made.status();
    return ChangedBias(*change, *made, at::empty({outputs}, at::kFloat), scale);
  };
  return {at::kFloat, bias.shape, make};
}

// Wraps what the adapter changes of one part.
absl::Status MergeInto(TensorsToWrite& tensors, const Adapter& adapter, AdapterPart part,
                       double scale) {
  for (const auto& [path, layer] : adapter.of(part)) {
    const auto change = std::make_shared<const LayerChange>(layer);
    const bool of_bias = layer.Has(AdapterRole::kDiffOfBias);
    if (layer.items.size() > (of_bias ? 1 : 0)) {
      TensorToWrite& weight = tensors.at(path + ".weight");
      weight = ChangedWeightOf(weight, change, scale);
    }
    if (!of_bias) continue;
    const auto bias = tensors.find(path + ".bias");
    const bool changes =
        scale != 0 && layer.at(AdapterRole::kDiffOfBias).count_nonzero().item<int64_t>() > 0;
    if (bias == tensors.end() && !changes) continue;
    if (bias == tensors.end()) {
      return Error(adapter, absl::StrCat(Printable(layer.items.at(AdapterRole::kDiffOfBias).key),
                                         ": found a bias for a layer that has none, expected "
                                         "changes of what a checkpoint of this model holds; "
                                         "anneal --lora takes it"));
    }
    bias->second = ChangedBiasOf(bias->second, change, scale);
  }
  return absl::OkStatus();
}

}  // namespace

std::string CountLayers(const Adapter& adapter) {
  std::vector<std::string> counts;
  for (int i = 0; i < kAdapterParts; ++i) {
    const auto part = static_cast<AdapterPart>(i);
    const auto layers = static_cast<int64_t>(adapter.of(part).size());
    if (layers > 0) counts.push_back(absl::StrCat(Count(layers, "layer"), " of ", PartName(part)));
  }
  return absl::StrJoin(counts, ", ");
}

absl::StatusOr<ScaledAdapter> ParseScaledAdapter(const std::string& text, DoraNorm dora_norm) {
  double scale = 1;
  const auto is_number = [&scale](const std::string& factor) {
    return absl::SimpleAtod(factor, &scale) && std::isfinite(scale);
  };
  const AdapterArgument split = SplitAdapterArgument(text, is_number);
  if (split.factor.empty() || is_number(split.factor))
    return ScaledAdapter{split.path, split.factor.empty() ? 1.0 : scale, dora_norm};
  return absl::InvalidArgumentError(absl::StrCat("--merge_lora: behind ",
                                                 Printable(split.path, 4096), ": found ",
                                                 Quoted(split.factor), ", expected a number"));
}

absl::Status CheckFit(const Adapter& adapter, const LayerShapes& layers) {
  for (size_t i = 0; i < layers.size(); ++i) {
    for (const auto& [path, change] : adapter.parts.at(i)) {
      const at::Tensor weight =
          at::empty(layers.at(i).at(path), at::TensorOptions(at::kMeta).dtype(at::kFloat));
      const auto changed = ChangedWeight(change, weight);
      if (!changed.ok()) return Error(adapter, std::string(changed.status().message()));
      const auto bias = ChangedBias(change, {}, weight);
      if (!bias.ok()) return Error(adapter, std::string(bias.status().message()));
    }
  }
  return absl::OkStatus();
}

absl::Status MergeAdapters(const std::vector<ScaledAdapter>& adapters,
                           std::optional<at::ScalarType> dtype, ModelToWrite& model,
                           std::ostream& out) {
  const LayerShapes layers = LayersOf(model);
  const AdapterKeys keys(PathsOf(layers));
  const ModelToWrite original = model;
  for (const ScaledAdapter& scaled : adapters) {
    const auto adapter = ReadAdapterFile(scaled.path, keys, scaled.dora_norm);
    if (!adapter.ok()) return adapter.status();
    if (absl::Status fits = CheckFit(*adapter, layers); !fits.ok()) return fits;
    for (int i = 0; i < kAdapterParts; ++i) {
      const auto part = static_cast<AdapterPart>(i);
      TensorsToWrite& tensors = model.parts.at(static_cast<size_t>(ModelPartOf(part))).tensors;
      if (absl::Status s = MergeInto(tensors, *adapter, part, scaled.scale); !s.ok()) return s;
    }
    out << "merged: " << Printable(adapter->source, 4096) << ", scale " << scaled.scale << ": "
        << CountLayers(*adapter) << '\n';
  }
  for (size_t i = 0; i < model.parts.size(); ++i) {
    for (auto& [name, tensor] : model.parts[i].tensors)
      tensor = Cast(tensor, dtype.value_or(original.parts[i].tensors.at(name).dtype));
  }
  return absl::OkStatus();
}

}  // namespace draftp
