// Reads a CLIP text encoder's config.json.
#ifndef DRAFTP_MODEL_CLIP_TEXT_CONFIG_H_
#define DRAFTP_MODEL_CLIP_TEXT_CONFIG_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/io/json_file.h"
#include "draftp/model/clip_layers.h"

namespace draftp {

// Fields as in transformers' CLIPTextConfig.
struct ClipTextConfig {
  int64_t vocab_size;
  int64_t num_layers;
  int64_t max_positions;
  ClipLayerConfig layer;   // causal
  int64_t eos_token_id;    // the id whose first position is pooled
  bool pools_greatest_id;  // eos_token_id is 2, as all configs written before transformers 4.31
                           // have it whatever the vocabulary: the first position of the greatest id
                           // is pooled instead
  int64_t projection_dim;  // 0: CLIPTextModel, no projection
};

// From `json`, with transformers' defaults where it is silent. `architectures` decides on the
// projection: CLIPTextModel or CLIPTextModelWithProjection. Errors name file, key, value and what
// is supported: unknown keys, wrong types, unsupported values.
absl::StatusOr<ClipTextConfig> ParseClipTextConfig(JsonReader json);

// ParseClipTextConfig of a config.json.
absl::StatusOr<ClipTextConfig> ReadClipTextConfig(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_MODEL_CLIP_TEXT_CONFIG_H_
