#include "draftp/train/parameters.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>

namespace draftp {
namespace {

// The trained tensors of a layer: name and where it lies.
template <class F, class U>
void VisitTensors(U& unet, F&& visit) {
  VisitWeights(unet, [&visit](const std::string& name, auto& layer) {
    visit(name + ".weight", layer.weight);
    if (layer.bias.defined()) visit(name + ".bias", layer.bias);
  });
}

}  // namespace

Parameters TrainLora(UNet& unet, int slot) {
  Parameters parameters;
  VisitWeights(unet, [&](const std::string& path, auto& layer) {
    if constexpr (requires { layer.adapters; }) {
      if (FindLora(layer.adapters, slot) == nullptr) return;
      LoraLayer& lora = *layer.adapters[slot];
      for (const auto& [factor, tensor] :
           {std::pair(".lora_A.weight", &lora.a), {".lora_B.weight", &lora.b}}) {
        const at::Tensor value = *tensor;
        *tensor = value.to(layer.weight.scalar_type()).requires_grad_();
        parameters.push_back({path + factor, value, *tensor});
      }
    }
  });
  std::ranges::sort(parameters, {}, &Parameter::name);
  return parameters;
}

LoraAdapter AdapterOf(const UNet& unet, int slot) {
  LoraAdapter adapter{.source = "the trained adapter", .layers = {}};
  VisitWeights(unet, [&](const std::string& path, const auto& layer) {
    if constexpr (requires { layer.adapters; }) {
      if (const LoraLayer* lora = FindLora(layer.adapters, slot)) {
        adapter.layers[path] = {lora->a.detach(), lora->b.detach(), lora->scale};
      }
    }
  });
  return adapter;
}

Parameters TrainAll(UNet& unet) {
  Parameters parameters;
  VisitTensors(unet, [&](const std::string& name, at::Tensor& tensor) {
    const at::ScalarType dtype = tensor.scalar_type();
    const bool mixed = dtype != at::kFloat && dtype != at::kDouble;
    at::Tensor leaf = tensor.detach().clone().requires_grad_();
    const at::Tensor value = mixed ? leaf.detach().to(at::kFloat) : leaf;
    tensor = leaf;
    parameters.push_back({name, value, leaf});
  });
  return parameters;
}

std::vector<std::vector<size_t>> TrainedPieces(const UNet& unet, const Parameters& parameters) {
  std::map<const void*, size_t> index;
  for (size_t p = 0; p < parameters.size(); ++p)
    index[parameters[p].leaf.unsafeGetTensorImpl()] = p;
  std::vector<std::vector<size_t>> pieces;
  for (const std::vector<at::Tensor>& tensors : PieceWeights(unet)) {
    std::vector<size_t>& piece = pieces.emplace_back();
    for (const at::Tensor& tensor : tensors)
      piece.push_back(index.at(tensor.unsafeGetTensorImpl()));
  }
  return pieces;
}

UNet WithValues(const UNet& unet, const Parameters& parameters) {
  std::map<std::string, at::Tensor> values;
  for (const Parameter& parameter : parameters) values[parameter.name] = parameter.value.detach();
  UNet copy = unet;
  VisitTensors(copy, [&](const std::string& name, at::Tensor& tensor) {
    if (const auto found = values.find(name); found != values.end()) tensor = found->second;
  });
  return copy;
}

}  // namespace draftp
