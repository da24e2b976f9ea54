// Reads the config of a CLIP image tower.
#ifndef DRAFTP_MODEL_CLIP_IMAGE_CONFIG_H_
#define DRAFTP_MODEL_CLIP_IMAGE_CONFIG_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "draftp/io/json_file.h"
#include "draftp/model/clip_layers.h"

namespace draftp {

// Fields as in transformers' CLIPVisionConfig, for three channels.
struct ClipImageConfig {
  int64_t image_size;  // pixels a side
  int64_t patch_size;  // pixels a side, at most image_size
  int64_t num_layers;
  ClipLayerConfig layer;   // not causal
  int64_t projection_dim;  // 0: CLIPVisionModel, no projection

  // Of one side; pixels beyond the last whole patch are not looked at.
  int64_t Grid() const { return image_size / patch_size; }
};

// From `json`, the "vision_config" of a CLIPModel or the config.json of a
// CLIPVisionModelWithProjection, with transformers' defaults where it is silent. Errors name
// source, key, value and what is supported: unknown keys, wrong types, unsupported values.
absl::StatusOr<ClipImageConfig> ParseClipImageConfig(JsonReader json);

}  // namespace draftp

#endif  // DRAFTP_MODEL_CLIP_IMAGE_CONFIG_H_
