#include "draftp/model/adapter_merge.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

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

template <LayerWeights W>
absl::Status MergeInto(W& layer, const LayerChange& change, double scale) {
  const auto weight = ChangedWeight(change, layer.weight, scale);
  if (!weight.ok()) return weight.status();
  const auto bias = ChangedBias(change, layer.bias, layer.weight, scale);
  if (!bias.ok()) return bias.status();
  const at::ScalarType dtype = layer.weight.scalar_type();
  layer.weight = weight->to(dtype);
  if (bias->defined()) layer.bias = bias->to(dtype);
  return absl::OkStatus();
}

template <class Network>
std::vector<std::string> Paths(const Network& network) {
  std::vector<std::string> paths;
  VisitWeights(network, [&](const std::string& path, const auto&) { paths.push_back(path); });
  return paths;
}

template <class Network>
absl::StatusOr<Network> Merge(const Network& network, const Adapter& adapter, AdapterPart part,
                              double scale) {
  const at::NoGradGuard no_grad;
  Network merged = network;
  const Adapter::Layers& layers = adapter.of(part);
  absl::Status status = absl::OkStatus();
  size_t changed = 0;
  VisitWeights(merged, [&](const std::string& path, auto& layer) {
    const auto change = layers.find(path);
    if (change == layers.end() || !status.ok()) return;
    ++changed;
    status = MergeInto(layer, change->second, scale);
  });
  if (!status.ok()) return Error(adapter, status);
  TORCH_CHECK(changed == layers.size(), adapter.source, " changes ", layers.size(),
              " layers, of which the network has ", changed, ": it was read for another");
  return merged;
}

}  // namespace

std::vector<std::string> LayerPaths(const UNet& unet) { return Paths(unet); }
std::vector<std::string> LayerPaths(const ClipText& encoder) { return Paths(encoder); }

absl::StatusOr<UNet> MergeAdapter(const UNet& unet, const Adapter& adapter, double scale) {
  return Merge(unet, adapter, AdapterPart::kUNet, scale);
}

absl::StatusOr<ClipText> MergeAdapter(const ClipText& encoder, const Adapter& adapter,
                                      AdapterPart part, double scale) {
  return Merge(encoder, adapter, part, scale);
}

}  // namespace draftp
