#include "draftp/model/unet_adapter.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/io/nearest_name.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

template <class W>
concept TakesAdapters = requires(W& layer) { layer.adapters; };

// What an adapter may be attached to.
struct Target {
  at::Tensor weight;
  LoraSlots* slots = nullptr;
};

std::map<std::string, Target> Targets(UNet& unet) {
  std::map<std::string, Target> targets;
  VisitWeights(unet, [&targets]<class W>(const std::string& name, W& layer) {
    if constexpr (TakesAdapters<W>) {
      targets[name] = {.weight = layer.weight, .slots = &layer.adapters};
    }
  });
  return targets;
}

std::string Shape(at::IntArrayRef sizes) {
  return absl::StrCat("[", absl::StrJoin(sizes, ","), "]");
}

absl::Status Unknown(const LoraAdapter& adapter, const std::string& path,
                     const std::map<std::string, Target>& targets) {
  std::vector<std::string> names;
  for (const auto& [name, target] : targets) names.push_back(name);
  const auto nearest = NearestName(path, names);
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(adapter.source, 4096), ": ", Printable(path),
                   ": this UNet has no such linear layer or convolution",
                   nearest ? absl::StrCat(", the nearest is ", *nearest)
                           : ": is the adapter of another model?"));
}

// A factor [n,m] in the form of a 1x1 convolution's, or the other way round, as `expected` has it.
at::Tensor Pointwise(const at::Tensor& factor, const std::vector<int64_t>& expected) {
  const auto is_matrix = [](at::IntArrayRef sizes) {
    return sizes.size() == 2 || (sizes.size() == 4 && sizes[2] == 1 && sizes[3] == 1);
  };
  const bool same = is_matrix(factor.sizes()) && is_matrix(expected) &&
                    factor.size(0) == expected[0] && factor.size(1) == expected[1];
  return same ? factor.reshape(expected) : factor;
}

// The layer as `target` computes with it, or what doesn't fit.
absl::StatusOr<LoraLayer> Fit(const LoraAdapter& adapter, const std::string& path, LoraLayer layer,
                              const Target& target, at::ScalarType dtype) {
  std::vector<int64_t> a = target.weight.sizes().vec(), b{a[0], layer.rank()};
  a[0] = layer.rank();
  if (a.size() == 4) b.insert(b.end(), {1, 1});
  layer.a = Pointwise(layer.a, a);
  layer.b = Pointwise(layer.b, b);
  for (const auto& [factor, found, expected] :
       {std::tuple{"lora_A", &layer.a, a}, std::tuple{"lora_B", &layer.b, b}}) {
    if (found->sizes() != at::IntArrayRef(expected)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(adapter.source, 4096), ": ", Printable(path), ".", factor, ": is ",
                       Shape(found->sizes()), ", this UNet needs ", Shape(expected)));
    }
  }
  layer.a = layer.a.to(target.weight.device(), dtype);
  layer.b = layer.b.to(target.weight.device(), dtype);
  return layer;
}

// scale * B A in the shape of the weight.
at::Tensor Delta(const LoraLayer& lora, const at::Tensor& weight, double scale) {
  const at::ScalarType dtype = weight.scalar_type();
  const at::Tensor product = at::matmul(lora.b.to(dtype).flatten(1), lora.a.to(dtype).flatten(1));
  return (scale * lora.scale) * product.view(weight.sizes());
}

}  // namespace

absl::Status AttachLora(UNet& unet, const LoraAdapter& adapter, int index,
                        std::optional<at::ScalarType> dtype) {
  const std::map<std::string, Target> targets = Targets(unet);
  std::vector<std::pair<LoraSlots*, LoraLayer>> fitted;
  for (const auto& [path, layer] : adapter.layers) {
    const auto target = targets.find(path);
    if (target == targets.end()) return Unknown(adapter, path, targets);
    absl::StatusOr<LoraLayer> fits =
        Fit(adapter, path, layer, target->second, dtype.value_or(unet.placement().dtype));
    if (!fits.ok()) return fits.status();
    fitted.emplace_back(target->second.slots, *std::move(fits));
  }
  for (auto& [slots, layer] : fitted) SetLora(*slots, index, std::move(layer));
  return absl::OkStatus();
}

UNet MergeLora(const UNet& unet, int index, double scale) {
  TORCH_CHECK(unet.placement().dtype == at::kFloat || unet.placement().dtype == at::kDouble,
              "an adapter merged into ", unet.placement().dtype,
              " weights would be rounded, expected float32");
  UNet merged = unet;
  VisitWeights(merged, [&]<class W>(const std::string&, W& layer) {
    if constexpr (TakesAdapters<W>) {
      const LoraLayer* lora = FindLora(layer.adapters, index);
      if (lora == nullptr) return;
      layer.weight = layer.weight + Delta(*lora, layer.weight, scale);
      layer.adapters[index].reset();
    }
  });
  return merged;
}

}  // namespace draftp
