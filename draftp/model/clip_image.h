// CLIP image encoder: normalised pixels to a pooled embedding, differentiable (transformers'
// CLIPVisionModelWithProjection).
#ifndef DRAFTP_MODEL_CLIP_IMAGE_H_
#define DRAFTP_MODEL_CLIP_IMAGE_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/clip_image_config.h"
#include "draftp/model/clip_layers.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"
#include "draftp/sampling/piece_policy.h"

namespace draftp {

// Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021.
// Members in the order in which they act. Plain tensors: the copies of a ClipImage share them.
struct ClipImage {
  ClipImageConfig config;
  LinearWeights patch_embedding;  // [hidden,3*patch*patch], no bias: the convolution as a product
  at::Tensor class_embedding;     // [hidden]
  at::Tensor position_embedding;  // [1+grid*grid,hidden]
  NormWeights pre_norm;
  std::vector<ClipLayer> layers;
  NormWeights post_norm;
  std::optional<LinearWeights> projection;               // [projection_dim,hidden], no bias
  std::shared_ptr<const WeightOrigin> origin = nullptr;  // what was loaded; null without files

  // From the tensors of `weights` by transformers' names, vision_model.* and
  // visual_projection.weight. A missing, mis-shaped or unused tensor is an error that names it.
  static absl::StatusOr<ClipImage> FromWeights(const ClipImageConfig& config, WeightMap weights,
                                               const Placement& placement);
};

struct ClipImageOptions {
  AnyPiecePolicy pieces = {};  // of each layer
};

// pixels [B,3,image_size,image_size], normalised as the model was trained, converted to the model's
// dtype -> [B,projection_dim] (or [B,hidden] without projection) in the model's dtype: the class
// token behind the last layer, its norm and the projection. Gradients flow to the pixels. Patches
// are cut by a view and embedded by one dense product, so that the backward pass has no
// nondeterministic kernel.
at::Tensor EncodeImage(const ClipImage& model, const at::Tensor& pixels,
                       const ClipImageOptions& options = {});

}  // namespace draftp

#endif  // DRAFTP_MODEL_CLIP_IMAGE_H_
