// CLIP text encoder: loading by transformers' names, and the forward pass.
#include "draftp/model/clip_text.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/clip_layers.h"
#include "draftp/model/clip_text_config.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"
#include "draftp/model/visit_weights.h"
#include "draftp/model/weight_loader.h"

namespace draftp {
namespace {

at::Tensor TableSkeleton(int64_t rows, int64_t columns) {
  return at::empty({rows, columns}, at::TensorOptions().device(at::kMeta));
}

// Position of each row's end-of-text [B] int64.
at::Tensor EndOfText(const at::Tensor& ids, const ClipTextConfig& config) {
  const at::Tensor marks =
      config.pools_greatest_id ? ids : (ids == config.eos_token_id).to(at::kLong);
  return marks.argmax(1);  // the first of equals
}

absl::Status CheckIds(const at::Tensor& ids, const ClipTextConfig& config) {
  TORCH_CHECK(ids.dim() == 2 && ids.numel() > 0 && ids.size(1) <= config.max_positions &&
                  ids.scalar_type() == at::kLong && ids.device().is_cpu(),
              "ids must be [B,L] int64 on the CPU, L <= ", config.max_positions, ", got ",
              ids.sizes(), " ", ids.scalar_type(), " on ", ids.device());
  const int64_t low = ids.min().item<int64_t>();
  const int64_t high = ids.max().item<int64_t>();
  if (low < 0 || high >= config.vocab_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("token id ", low < 0 ? low : high, ": the text encoder's vocab_size is ",
                     config.vocab_size, ", is the tokenizer another model's?"));
  }
  if (!config.pools_greatest_id && !(ids == config.eos_token_id).any(1).all().item<bool>()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a prompt's token ids have no end-of-text: the text encoder's eos_token_id is ",
        config.eos_token_id, ", is the tokenizer another model's?"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ClipText> ClipText::Load(const std::string& dir, const Placement& placement) {
  const absl::StatusOr<ClipTextConfig> config = ReadClipTextConfig(dir + "/config.json");
  if (!config.ok()) return config.status();
  absl::StatusOr<WeightMap> weights = WeightMap::Open(dir, "model");
  if (!weights.ok()) return weights.status();
  absl::StatusOr<WeightMap> named = HuggingFaceLayout::TodaysNames(*std::move(weights));
  if (!named.ok()) return named.status();
  return FromWeights(*config, *std::move(named), placement);
}

ClipText ClipText::Skeleton(const ClipTextConfig& config) {
  const int64_t hidden = config.layer.hidden_size;
  ClipText model{.config = config,
                 .token_embedding = TableSkeleton(config.vocab_size, hidden),
                 .position_embedding = TableSkeleton(config.max_positions, hidden),
                 .layers = {},
                 .final_norm = LayerNormSkeleton(hidden, config.layer.layer_norm_eps),
                 .projection = std::nullopt};
  for (int64_t i = 0; i < config.num_layers; ++i)
    model.layers.push_back(ClipLayerSkeleton(config.layer));
  if (config.projection_dim > 0)
    model.projection = LinearSkeleton(hidden, config.projection_dim, /*bias=*/false);
  return model;
}

absl::StatusOr<ClipText> ClipText::FromWeights(const ClipTextConfig& config, WeightMap weights,
                                               const Placement& placement) {
  const std::string prefix = "text_model.";
  ClipText model = Skeleton(config);
  WeightLoader load(weights, placement);
  load.Take(prefix + "embeddings.token_embedding.weight", model.token_embedding);
  load.Take(prefix + "embeddings.position_embedding.weight", model.position_embedding);
  VisitWeights(model, load);
  if (absl::Status status = load.Finish(); !status.ok()) return status;
  model.origin = weights.Origin();
  return model;
}

absl::StatusOr<ClipTextOutput> Encode(const ClipText& model, const at::Tensor& ids,
                                      const AnyPiecePolicy& pieces) {
  const ClipTextConfig& config = model.config;
  if (const absl::Status status = CheckIds(ids, config); !status.ok()) return status;
  const at::Device device = model.token_embedding.device();
  at::Tensor hidden = at::embedding(model.token_embedding, ids.to(device)) +
                      model.position_embedding.narrow(0, 0, ids.size(1));  // [B,L,C]
  ClipTextOutput output;
  for (const ClipLayer& layer : model.layers) {
    output.penultimate = hidden;
    hidden = RunClipPiece(hidden, layer, config.layer, pieces);
  }
  const at::Tensor rows = at::arange(ids.size(0), ids.options()) * ids.size(1);
  const at::Tensor ends =
      (rows + EndOfText(ids, config)).to(device);  // [B], of the flattened positions
  output.pooled = LayerNorm(hidden.flatten(0, 1).index_select(0, ends), model.final_norm);  // [B,C]
  if (model.projection) output.pooled = Linear(output.pooled, *model.projection);
  return output;
}

}  // namespace draftp
