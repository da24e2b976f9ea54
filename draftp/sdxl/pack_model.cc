#include "draftp/sdxl/pack_model.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "draftp/model/adapter_merge.h"
#include "draftp/model/pack_weights.h"
#include "draftp/model/stack_projections.h"
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

// Packs each layer of networks of one structure, once where it is the same. Adapters stay where
// their rows carry them.
template <class Layer>
void PackTogether(const std::vector<UNet*>& networks, bool keep_adapters) {
  std::vector<std::vector<std::pair<std::string, Layer*>>> layers;
  for (UNet* network : networks) layers.push_back(Layers<Layer>(*network));
  for (size_t i = 0; i < layers[0].size(); ++i) {
    std::vector<at::Tensor> plain;
    for (size_t k = 0; k < layers.size(); ++k) {
      auto& [name, layer] = layers[k][i];
      const auto same = std::ranges::find_if(
          plain, [&](const at::Tensor& weight) { return weight.is_same(layer->weight); });
      const size_t first = same - plain.begin();
      plain.push_back(layer->weight);
      if (!keep_adapters) layer->adapters.clear();
      if (first == k) {
        PackWeights()(name, *layer);
      } else {
        layer->weight.reset();
        layer->packed = layers[first][i].second->packed;
      }
    }
  }
}

// Puts what the model's rows carry into the weights of a network of its own.
void Merge(const UNet& base, TunedModel& tuned) {
  for (const CarriedAdapter& carried : tuned.adapters)
    tuned.unet = MergeLora(tuned.unet ? *tuned.unet : base, carried.slot, carried.scale);
  tuned.adapters.clear();
}

void Pack(ClipText& encoder) {
  for (ClipLayer& layer : encoder.layers) VisitWeights("", layer, PackWeights());
  if (encoder.projection) PackWeights()("", *encoder.projection);
}

}  // namespace

void PackForInference(SdxlModel& model) {
  const at::NoGradGuard no_grad;
  at::set_num_threads(1);
  bool carried = false;
  std::vector<UNet*> together = {&model.unet};
  for (TunedModel& tuned : model.tuned) {
    carried = carried || tuned.scales_change;
    if (!tuned.scales_change) Merge(model.unet, tuned);
    if (!tuned.unet) continue;
    if (LayerPaths(model.unet) == LayerPaths(*tuned.unet)) {
      together.push_back(&*tuned.unet);
    } else {
      VisitWeights(*tuned.unet, PackWeights());
    }
  }
  PackTogether<LinearWeights>(together, carried);
  PackTogether<ConvWeights>(together, carried);
  VisitWeights(model.vae, PackWeights());
  for (TunedModel& tuned : model.tuned) {
    if (tuned.text_encoders) PackTextEncoders(*tuned.text_encoders);
  }
  PackTextEncoders(model.text_encoders);
}

void StackForInference(SdxlModel& model) {
  StackProjections(model.unet);
  for (TunedModel& tuned : model.tuned) {
    if (!tuned.unet) continue;
    // Of layers that are stacked together, those shared with the base must not leave its blocks.
    VisitProjections(*tuned.unet, [](const std::vector<LinearWeights*>& layers) {
      for (LinearWeights* layer : layers) layer->weight = layer->weight.detach();
    });
    StackProjections(*tuned.unet);
  }
}

void PackTextEncoders(SdxlTextEncoders& encoders) {
  const at::NoGradGuard no_grad;
  Pack(encoders.first);
  Pack(encoders.second);
}

}  // namespace draftp
