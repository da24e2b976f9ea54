// The transformer layer that CLIP's text and image towers are stacks of.
#ifndef DRAFTP_MODEL_CLIP_LAYERS_H_
#define DRAFTP_MODEL_CLIP_LAYERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/model/attention.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"
#include "draftp/model/visit_weights.h"
#include "draftp/sampling/piece_policy.h"

namespace draftp {

enum class ClipActivation : uint8_t {
  kQuickGelu,  // x sigmoid(1.702 x)
  kGelu,       // x Phi(x), by erf
  kGeluTanh,   // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
};

// transformers' `hidden_act` names; nullopt for those that aren't supported.
std::optional<ClipActivation> ParseClipActivation(std::string_view hidden_act);

// The names that ParseClipActivation takes, for error messages.
std::string ClipActivationNames();

at::Tensor Activate(const at::Tensor& x, ClipActivation activation);

// What the layers of one tower share.
struct ClipLayerConfig {
  int64_t hidden_size;
  int64_t intermediate_size;
  int64_t num_heads;  // divides hidden_size
  ClipActivation activation;
  double layer_norm_eps;
  bool causal;  // text: position i attends to 0..i; images: to all
};

struct ClipLayer {
  NormWeights norm1;
  AttentionWeights attention;  // [hidden,hidden], all with bias
  NormWeights norm2;
  LinearWeights fc1;  // [intermediate,hidden] with bias
  LinearWeights fc2;  // [hidden,intermediate] with bias
};

// Shapes without storage, for a loader to fill.
ClipLayer ClipLayerSkeleton(const ClipLayerConfig& config);

// By transformers' names.
template <MaybeConst<ClipLayer> W, class F>
void VisitWeights(const std::string& name, W& layer, F&& visit) {
  visit(name + ".layer_norm1", layer.norm1);
  visit(name + ".self_attn.q_proj", layer.attention.to_q);
  visit(name + ".self_attn.k_proj", layer.attention.to_k);
  visit(name + ".self_attn.v_proj", layer.attention.to_v);
  visit(name + ".self_attn.out_proj", layer.attention.to_out);
  visit(name + ".layer_norm2", layer.norm2);
  visit(name + ".mlp.fc1", layer.fc1);
  visit(name + ".mlp.fc2", layer.fc2);
}

// x [B,L,hidden] -> same: x + attention(norm1(x)), then + fc2(activation(fc1(norm2(.)))).
at::Tensor RunClipLayer(const at::Tensor& x, const ClipLayer& layer, const ClipLayerConfig& config);

// RunClipLayer as a piece of its own, which holds the layer's tensors: its backward pass may
// outlive the model.
at::Tensor RunClipPiece(const at::Tensor& x, const ClipLayer& layer, const ClipLayerConfig& config,
                        const AnyPiecePolicy& pieces);

// What the piece of each layer reads.
std::vector<std::vector<at::Tensor>> PieceWeights(const std::vector<ClipLayer>& layers);

}  // namespace draftp

#endif  // DRAFTP_MODEL_CLIP_LAYERS_H_
