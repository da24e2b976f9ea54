#include "draftp/model/adapter_merge.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <array>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

absl::Status Error(const Adapter& adapter, const absl::Status& status) {
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(adapter.source, 4096), ": ", status.message()));
}

// What `path` has of each adapter, one after the other; `changed` counts them.
template <LayerWeights W>
absl::Status MergeInto(W& layer, const std::string& path, std::span<const ScaledChanges> adapters,
                       AdapterPart part, std::vector<size_t>& changed) {
  at::Tensor weight = layer.weight, bias = layer.bias;
  for (size_t i = 0; i < adapters.size(); ++i) {
    const Adapter::Layers& layers = adapters[i].adapter->of(part);
    const auto change = layers.find(path);
    if (change == layers.end()) continue;
    ++changed[i];
    const auto with_bias = ChangedBias(change->second, bias, weight, adapters[i].scale);
    const auto with = ChangedWeight(change->second, weight, adapters[i].scale);
    if (!with.ok()) return Error(*adapters[i].adapter, with.status());
    if (!with_bias.ok()) return Error(*adapters[i].adapter, with_bias.status());
    weight = *with;
    bias = *with_bias;
  }
  const at::ScalarType dtype = layer.weight.scalar_type();
  if (!weight.is_same(layer.weight)) layer.weight = weight.to(dtype);
  if (bias.defined() && !bias.is_same(layer.bias)) layer.bias = bias.to(dtype);
  return absl::OkStatus();
}

template <class Network>
std::vector<std::string> Paths(const Network& network) {
  std::vector<std::string> paths;
  VisitWeights(network, [&](const std::string& path, const auto&) { paths.push_back(path); });
  return paths;
}

template <class Network>
absl::StatusOr<Network> Merge(const Network& network, std::span<const ScaledChanges> adapters,
                              AdapterPart part) {
  const at::NoGradGuard no_grad;
  Network merged = network;
  absl::Status status = absl::OkStatus();
  std::vector<size_t> changed(adapters.size(), 0);
  VisitWeights(merged, [&](const std::string& path, auto& layer) {
    if (status.ok()) status = MergeInto(layer, path, adapters, part, changed);
  });
  if (!status.ok()) return status;
  for (size_t i = 0; i < adapters.size(); ++i) {
    const size_t layers = adapters[i].adapter->of(part).size();
    TORCH_CHECK(changed[i] == layers, adapters[i].adapter->source, " changes ", layers,
                " layers, of which the network has ", changed[i], ": it was read for another");
  }
  return merged;
}

}  // namespace

std::vector<std::string> LayerPaths(const UNet& unet) { return Paths(unet); }
std::vector<std::string> LayerPaths(const ClipText& encoder) { return Paths(encoder); }

absl::StatusOr<UNet> MergeAdapters(const UNet& unet, std::span<const ScaledChanges> adapters) {
  return Merge(unet, adapters, AdapterPart::kUNet);
}

absl::StatusOr<ClipText> MergeAdapters(const ClipText& encoder,
                                       std::span<const ScaledChanges> adapters, AdapterPart part) {
  return Merge(encoder, adapters, part);
}

absl::StatusOr<UNet> MergeAdapter(const UNet& unet, const Adapter& adapter, double scale) {
  return MergeAdapters(unet, std::array{ScaledChanges{&adapter, scale}});
}

absl::StatusOr<ClipText> MergeAdapter(const ClipText& encoder, const Adapter& adapter,
                                      AdapterPart part, double scale) {
  return MergeAdapters(encoder, std::array{ScaledChanges{&adapter, scale}}, part);
}

}  // namespace draftp
