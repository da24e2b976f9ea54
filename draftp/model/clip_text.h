// CLIP text encoder: token ids to hidden states and a pooled embedding (transformers'
// CLIPTextModel*).
#ifndef DRAFTP_MODEL_CLIP_TEXT_H_
#define DRAFTP_MODEL_CLIP_TEXT_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/clip_layers.h"
#include "draftp/model/clip_text_config.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"
#include "draftp/model/visit_weights.h"
#include "draftp/sampling/piece_policy.h"

namespace draftp {

struct ClipText {
  ClipTextConfig config;
  at::Tensor token_embedding;     // [vocab,hidden]
  at::Tensor position_embedding;  // [max_positions,hidden]
  std::vector<ClipLayer> layers;
  NormWeights final_norm;
  std::optional<LinearWeights> projection;               // [projection_dim,hidden], no bias
  std::shared_ptr<const WeightOrigin> origin = nullptr;  // what was loaded; null without files

  // The layers that a config asks for, as shapes without storage (device meta).
  static ClipText Skeleton(const ClipTextConfig& config);

  // From a folder with config.json and model.safetensors (or what WeightMap finds in its place),
  // whose names may be those of any version of transformers (HuggingFaceLayout).
  static absl::StatusOr<ClipText> Load(const std::string& dir, const Placement& placement);

  // From the tensors of `weights`, text_model.* and text_projection.weight. A missing, mis-shaped
  // or unused tensor is an error that names it.
  static absl::StatusOr<ClipText> FromWeights(const ClipTextConfig& config, WeightMap weights,
                                              const Placement& placement);
};

// Calls visit(name, layer) for every layer but the embeddings, by transformers' names.
template <MaybeConst<ClipText> W, class F>
void VisitWeights(W& model, F&& visit) {
  for (size_t i = 0; i < model.layers.size(); ++i)
    VisitWeights("text_model.encoder.layers." + std::to_string(i), model.layers[i], visit);
  visit("text_model.final_layer_norm", model.final_norm);
  if (model.projection) visit("text_projection", *model.projection);
}

struct ClipTextOutput {
  at::Tensor
      penultimate;  // [B,L,hidden]: input of the last layer (hidden_states[-2]), without final norm
  at::Tensor pooled;  // [B,projection_dim], or [B,hidden] without projection: final norm,
                      // end-of-text's position, projection
};

// ids [B,L] int64 on the CPU, L <= max_positions, each row with an end-of-text: the first
// eos_token_id, or, as legacy configs have it (ClipTextConfig::pools_greatest_id), the first
// greatest id. An id outside the vocabulary and a row without end-of-text are errors (a tokenizer
// of another model). Differentiable in the weights. `pieces`: of each layer.
absl::StatusOr<ClipTextOutput> Encode(const ClipText& model, const at::Tensor& ids,
                                      const AnyPiecePolicy& pieces = {});

}  // namespace draftp

#endif  // DRAFTP_MODEL_CLIP_TEXT_H_
