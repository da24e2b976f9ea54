// CLIP image encoder: loading by transformers' names, and the forward pass.
#include "draftp/model/clip_image.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/model/visit_weights.h"
#include "draftp/model/weight_loader.h"

namespace draftp {
namespace {

// x [B,3,S,S] -> [B,grid*grid,3*patch*patch], patches row by row, each as a convolution's weight
// lies in memory.
at::Tensor Patches(const at::Tensor& x, const ClipImageConfig& config) {
  const int64_t grid = config.Grid(), patch = config.patch_size, batch = x.size(0);
  const at::Tensor whole = x.narrow(2, 0, grid * patch).narrow(3, 0, grid * patch).contiguous();
  return whole.view({batch, 3, grid, patch, grid, patch})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({batch, grid * grid, 3 * patch * patch});
}

}  // namespace

absl::StatusOr<ClipImage> ClipImage::FromWeights(const ClipImageConfig& config, WeightMap weights,
                                                 const Placement& placement) {
  const int64_t hidden = config.layer.hidden_size, patch = config.patch_size;
  const auto meta = at::TensorOptions().device(at::kMeta);
  ClipImage model{
      .config = config,
      .patch_embedding = {},
      .class_embedding = at::empty({hidden}, meta),
      .position_embedding = at::empty({1 + config.Grid() * config.Grid(), hidden}, meta),
      .pre_norm = LayerNormSkeleton(hidden, config.layer.layer_norm_eps),
      .layers = {},
      .post_norm = LayerNormSkeleton(hidden, config.layer.layer_norm_eps),
      .projection = std::nullopt};
  WeightLoader load(weights, placement);
  at::Tensor patches = at::empty({hidden, 3, patch, patch}, meta);
  load.Take("vision_model.embeddings.patch_embedding.weight", patches);
  model.patch_embedding.weight = patches.flatten(1);
  load.Take("vision_model.embeddings.class_embedding", model.class_embedding);
  load.Take("vision_model.embeddings.position_embedding.weight", model.position_embedding);
  load("vision_model.pre_layrnorm", model.pre_norm);  // transformers' own spelling
  for (int64_t i = 0; i < config.num_layers; ++i) {
    model.layers.push_back(ClipLayerSkeleton(config.layer));
    VisitWeights(absl::StrCat("vision_model.encoder.layers.", i), model.layers.back(), load);
  }
  load("vision_model.post_layernorm", model.post_norm);
  if (config.projection_dim > 0) {
    model.projection = LinearSkeleton(hidden, config.projection_dim, /*bias=*/false);
    load("visual_projection", *model.projection);
  }
  if (absl::Status status = load.Finish(); !status.ok()) return status;
  model.origin = weights.Origin();
  return model;
}

at::Tensor EncodeImage(const ClipImage& model, const at::Tensor& pixels,
                       const ClipImageOptions& options) {
  const ClipImageConfig& config = model.config;
  TORCH_CHECK(pixels.dim() == 4 && pixels.size(1) == 3 && pixels.size(2) == config.image_size &&
                  pixels.size(3) == config.image_size,
              "pixels must be [B,3,", config.image_size, ",", config.image_size, "], got ",
              pixels.sizes());
  const at::Tensor x = pixels.to(model.class_embedding.scalar_type());
  const at::Tensor patches = Linear(Patches(x, config), model.patch_embedding);  // [B,n,C]
  const at::Tensor classes = model.class_embedding.expand({x.size(0), 1, -1});   // [B,1,C]
  at::Tensor hidden =
      LayerNorm(at::cat({classes, patches}, 1) + model.position_embedding, model.pre_norm);
  for (const ClipLayer& layer : model.layers)
    hidden = RunClipPiece(hidden, layer, config.layer, options.pieces);
  const at::Tensor pooled = LayerNorm(hidden.select(1, 0), model.post_norm);  // [B,C]
  return model.projection ? Linear(pooled, *model.projection) : pooled;
}

}  // namespace draftp
