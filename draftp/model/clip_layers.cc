// The transformer layer of CLIP's towers: attention and a two-layer perceptron, each behind a layer
// norm.
#include "draftp/model/clip_layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/sigmoid.h>
#include <c10/util/Exception.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/model/attention.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"

namespace draftp {
namespace {

struct NamedActivation {
  std::string_view name;
  ClipActivation activation;
};

// gelu_new and gelu_fast are older spellings of the same tanh formula.
constexpr std::array<NamedActivation, 6> kActivations = {{
    {"quick_gelu", ClipActivation::kQuickGelu},
    {"gelu", ClipActivation::kGelu},
    {"gelu_python", ClipActivation::kGelu},
    {"gelu_new", ClipActivation::kGeluTanh},
    {"gelu_fast", ClipActivation::kGeluTanh},
    {"gelu_pytorch_tanh", ClipActivation::kGeluTanh},
}};

}  // namespace

std::optional<ClipActivation> ParseClipActivation(std::string_view hidden_act) {
  for (const NamedActivation& known : kActivations) {
    if (known.name == hidden_act) return known.activation;
  }
  return std::nullopt;
}

std::string ClipActivationNames() {
  std::string names;
  for (const NamedActivation& known : kActivations) {
    if (!names.empty()) names += ", ";
    names += known.name;
  }
  return names;
}

at::Tensor Activate(const at::Tensor& x, ClipActivation activation) {
  switch (activation) {
    case ClipActivation::kQuickGelu:
      return x * at::sigmoid(x * 1.702);
    case ClipActivation::kGelu:
      return at::gelu(x);
    case ClipActivation::kGeluTanh:
      return at::gelu(x, "tanh");
  }
  TORCH_CHECK(false, "activation ", static_cast<int>(activation), " is not one of the enumeration");
}

ClipLayer ClipLayerSkeleton(const ClipLayerConfig& config) {
  const int64_t hidden = config.hidden_size;
  return {.norm1 = LayerNormSkeleton(hidden, config.layer_norm_eps),
          .attention = AttentionSkeleton(hidden, hidden, config.num_heads, /*qkv_bias=*/true),
          .norm2 = LayerNormSkeleton(hidden, config.layer_norm_eps),
          .fc1 = LinearSkeleton(hidden, config.intermediate_size),
          .fc2 = LinearSkeleton(config.intermediate_size, hidden)};
}

at::Tensor RunClipLayer(const at::Tensor& x, const ClipLayer& layer,
                        const ClipLayerConfig& config) {
  const at::Tensor inner = LayerNorm(x, layer.norm1);  // [B,L,C]
  const auto [keys, values] = ProjectKeysValues(inner, layer.attention);
  const at::Tensor q = Linear(inner, layer.attention.to_q);
  const at::Tensor mixed = MultiHeadAttention(q, keys, values, config.num_heads, config.causal);
  const at::Tensor y = Linear(mixed, layer.attention.to_out, {}, x);  // [B,L,C]
  const at::Tensor hidden =
      Activate(Linear(LayerNorm(y, layer.norm2), layer.fc1), config.activation);
  return Linear(hidden, layer.fc2, {}, y);
}

at::Tensor RunClipPiece(const at::Tensor& x, const ClipLayer& layer, const ClipLayerConfig& config,
                        const AnyPiecePolicy& pieces) {
  const auto run = [layer, config](at::TensorList in) {
    return RunClipLayer(in[0], layer, config);
  };
  return pieces(run, {x}, [&layer] { return TensorsOf(layer); });
}

std::vector<std::vector<at::Tensor>> PieceWeights(const std::vector<ClipLayer>& layers) {
  std::vector<std::vector<at::Tensor>> pieces;
  for (const ClipLayer& layer : layers) pieces.push_back(TensorsOf(layer));
  return pieces;
}

}  // namespace draftp
