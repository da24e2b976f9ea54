// Every layer of a network with its name in a diffusers checkpoint: loading, adapters and
// optimisers walk this one list.
#ifndef DRAFTP_MODEL_VISIT_WEIGHTS_H_
#define DRAFTP_MODEL_VISIT_WEIGHTS_H_

#include <ATen/core/Tensor.h>

#include <concepts>
#include <string>
#include <type_traits>
#include <vector>

#include "draftp/model/attention.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"
#include "draftp/model/resnet.h"
#include "draftp/model/time_embedding.h"

namespace draftp {

// T, whether const or not: each overload below serves readers and writers.
template <class W, class T>
concept MaybeConst = std::same_as<std::remove_const_t<W>, T>;

template <class W>
concept LayerWeights =
    MaybeConst<W, LinearWeights> || MaybeConst<W, ConvWeights> || MaybeConst<W, NormWeights>;

// Calls visit(name, layer) for each LinearWeights, ConvWeights and NormWeights, in order of the
// forward pass; `name` is the path of the layer, its tensors are name.weight and name.bias.
template <LayerWeights W, class F>
void VisitWeights(const std::string& name, W& layer, F&& visit) {
  visit(name, layer);
}

template <MaybeConst<EmbeddingMlpWeights> W, class F>
void VisitWeights(const std::string& name, W& mlp, F&& visit) {
  visit(name + ".linear_1", mlp.linear_1);
  visit(name + ".linear_2", mlp.linear_2);
}

template <MaybeConst<ResnetWeights> W, class F>
void VisitWeights(const std::string& name, W& resnet, F&& visit) {
  visit(name + ".norm1", resnet.norm1);
  visit(name + ".conv1", resnet.conv1);
  if (resnet.time_emb_proj) visit(name + ".time_emb_proj", *resnet.time_emb_proj);
  visit(name + ".norm2", resnet.norm2);
  visit(name + ".conv2", resnet.conv2);
  if (resnet.conv_shortcut) visit(name + ".conv_shortcut", *resnet.conv_shortcut);
}

template <MaybeConst<AttentionWeights> W, class F>
void VisitWeights(const std::string& name, W& attention, F&& visit) {
  visit(name + ".to_q", attention.to_q);
  visit(name + ".to_k", attention.to_k);
  visit(name + ".to_v", attention.to_v);
  visit(name + ".to_out.0", attention.to_out);
}

// All tensors of `weights`, adapters included.
template <class W>
std::vector<at::Tensor> TensorsOf(const W& weights) {
  std::vector<at::Tensor> found;
  const auto add = [&found](const at::Tensor& tensor) {
    if (tensor.defined()) found.push_back(tensor);
  };
  VisitWeights("", weights, [&add](const std::string&, const auto& layer) {
    add(layer.weight);
    add(layer.bias);
    if constexpr (requires { layer.adapters; }) {
      for (const auto& lora : layer.adapters) {
        if (lora) add(lora->a), add(lora->b);
      }
    }
  });
  return found;
}

}  // namespace draftp

#endif  // DRAFTP_MODEL_VISIT_WEIGHTS_H_
