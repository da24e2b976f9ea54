// What the configs of CLIP's text and image towers have in common.
#ifndef DRAFTP_MODEL_CLIP_TOWER_CONFIG_H_
#define DRAFTP_MODEL_CLIP_TOWER_CONFIG_H_

#include <cstdint>

#include "draftp/io/json_file.h"
#include "draftp/model/clip_layers.h"

namespace draftp {

// Of each size in a config: their products stay far from overflow.
inline constexpr int64_t kMaxClipSize = 1 << 20;

// Keys that describe the file, training, or text generation, which CLIP doesn't do.
void IgnoreBenignClipKeys(JsonReader& json);

// hidden_size, intermediate_size, num_attention_heads, layer_norm_eps and hidden_act as
// transformers' CLIPTextConfig and CLIPVisionConfig have them, with what `defaults` says where
// `json` is silent. What can't be is an error of the reader.
ClipLayerConfig ReadClipLayerConfig(JsonReader& json, const ClipLayerConfig& defaults);

}  // namespace draftp

#endif  // DRAFTP_MODEL_CLIP_TOWER_CONFIG_H_
