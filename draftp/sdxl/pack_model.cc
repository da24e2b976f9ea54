#include "draftp/sdxl/pack_model.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "draftp/model/adapter_merge.h"
#include "draftp/model/pack_weights.h"
#include "draftp/model/unet_adapter.h"

namespace draftp {
namespace {

// The layers of one kind, in VisitWeights' order, with their names.
template <class Layer>
std::vector<std::pair<std::string, Layer*>> Layers(UNet& unet) {
  std::vector<std::pair<std::string, Layer*>> layers;
  VisitWeights(unet, [&layers]<class Found>(const std::string& name, Found& layer) {
    if constexpr (std::is_same_v<Found, Layer>) layers.emplace_back(name, &layer);
  });
  return layers;
}

// Packs a layer of both networks, and once where it is the same.
template <class Layer>
void PackPairs(UNet& base, UNet& merged) {
  const auto layers = Layers<Layer>(base), merged_layers = Layers<Layer>(merged);
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto& [name, layer] = layers[i];
    Layer& merged_layer = *merged_layers[i].second;
    const bool same = layer->weight.is_same(merged_layer.weight);
    layer->adapters.clear();
    PackWeights()(name, *layer);
    if (same) {
      merged_layer.weight.reset();
      merged_layer.packed = layer->packed;
      merged_layer.adapters.clear();
    } else {
      merged_layer.adapters.clear();
      PackWeights()(name, merged_layer);
    }
  }
}

void Pack(ClipText& encoder) {
  for (ClipLayer& layer : encoder.layers) VisitWeights("", layer, PackWeights());
  if (encoder.projection) PackWeights()("", *encoder.projection);
}

}  // namespace

void PackForInference(SdxlModel& model) {
  const at::NoGradGuard no_grad;
  at::set_num_threads(1);
  if (const std::vector<SdxlNetwork> networks = model.Networks();
      networks.size() > 1 && networks[1].adapter) {
    UNet merged = MergeLora(model.unet, *networks[1].adapter, networks[1].adapter_scale);
    PackPairs<LinearWeights>(model.unet, merged);
    PackPairs<ConvWeights>(model.unet, merged);
    model.tuned = std::move(merged);
    model.lora_scale.reset();
  } else {
    if (model.tuned && LayerPaths(model.unet) == LayerPaths(*model.tuned)) {
      PackPairs<LinearWeights>(model.unet, *model.tuned);
      PackPairs<ConvWeights>(model.unet, *model.tuned);
    } else {
      VisitWeights(model.unet, PackWeights());
      if (model.tuned) VisitWeights(*model.tuned, PackWeights());
    }
  }
  VisitWeights(model.vae, PackWeights());
  if (model.tuned_text_encoders) PackTextEncoders(*model.tuned_text_encoders);
  PackTextEncoders(model.text_encoders);
}

void PackTextEncoders(SdxlTextEncoders& encoders) {
  const at::NoGradGuard no_grad;
  Pack(encoders.first);
  Pack(encoders.second);
}

}  // namespace draftp
