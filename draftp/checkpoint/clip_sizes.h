// What the shapes of a CLIP's tensors show of its config.
#ifndef DRAFTP_CHECKPOINT_CLIP_SIZES_H_
#define DRAFTP_CHECKPOINT_CLIP_SIZES_H_

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

// Of a text tower under transformers' names (text_model.*), in the keys of CLIPTextConfig:
// vocab_size, hidden_size, intermediate_size, num_hidden_layers, max_position_embeddings.
absl::StatusOr<nlohmann::json> ClipTextSizes(const WeightMap& weights);

// Of an image tower (vision_model.*, visual_projection), in the keys of CLIPVisionConfig:
// image_size, patch_size, hidden_size, intermediate_size, num_hidden_layers, projection_dim.
absl::StatusOr<nlohmann::json> ClipImageSizes(const WeightMap& weights);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_CLIP_SIZES_H_
