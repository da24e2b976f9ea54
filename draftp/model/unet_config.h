// Reads a UNet2DConditionModel's config.json.
#ifndef DRAFTP_MODEL_UNET_CONFIG_H_
#define DRAFTP_MODEL_UNET_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/io/json_file.h"

namespace draftp {

// One resolution of the UNet; a list of them runs from the image's side downwards.
struct UNetLevel {
  int64_t channels = 0;
  int64_t heads = 1;                  // diffusers' attention_head_dim, which is the number of heads
  bool only_cross_attention = false;  // no attention among pixels
  bool down_attention = false;        // CrossAttnDownBlock2D, else DownBlock2D
  bool up_attention = false;  // the up block at this resolution: CrossAttnUpBlock2D, else UpBlock2D
  // Transformer blocks behind each residual block: layers_per_block of them down, one more up.
  // Without attention their number has no effect.
  std::vector<int64_t> down_depths;
  std::vector<int64_t> up_depths;
};

// What stands between the ways down and up: nothing, one residual block (UNetMidBlock2D), or two
// with a transformer between them (UNetMidBlock2DCrossAttn).
enum class UNetMidBlock : uint8_t { kNone, kResnet, kCrossAttention };

// Fields as in diffusers' UNet2DConditionModel, with its defaults where the file is silent or null.
struct UNetConfig {
  int64_t in_channels = 4;
  int64_t out_channels = 4;
  int64_t conv_in_kernel = 3;
  int64_t conv_out_kernel = 3;
  bool center_input_sample = false;  // 2x - 1
  std::vector<UNetLevel> levels;
  UNetMidBlock mid_block = UNetMidBlock::kCrossAttention;
  int64_t mid_depth = 1;  // transformer blocks of the mid block, where it has them
  double mid_block_scale_factor = 1.0;
  int64_t cross_attention_dim = 1280;
  bool use_linear_projection = false;
  int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  bool time_scale_shift = false;  // resnet_time_scale_shift = "scale_shift"
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  int64_t time_embedding_dim = 0;  // E
  // addition_embed_type = "text_time"; both 0 where null.
  int64_t addition_time_embed_dim = 0;
  int64_t projection_class_embeddings_input_dim = 0;

  bool text_time() const { return addition_time_embed_dim > 0; }
  // Height and width of latents are best multiples of it: 2^(levels-1).
  int64_t Downsampling() const { return int64_t{1} << (levels.size() - 1); }
};

// Errors name file, key, value and what is supported: unknown keys, wrong types, values that would
// change the result and aren't supported. `sample_size`, `dropout` (networks are
// evaluated, also in training) and other keys without effect are accepted.
absl::StatusOr<UNetConfig> ReadUNetConfig(const std::string& path);

// The same from an open reader.
absl::StatusOr<UNetConfig> ParseUNetConfig(JsonReader reader);

}  // namespace draftp

#endif  // DRAFTP_MODEL_UNET_CONFIG_H_
