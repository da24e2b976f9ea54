// What the shapes of an SDXL's tensors show of its parts' configs, and the published values of SDXL
// base for what shapes don't show.
#ifndef DRAFTP_CHECKPOINT_SDXL_SIZES_H_
#define DRAFTP_CHECKPOINT_SDXL_SIZES_H_

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

// Of a UNet under diffusers' names, as its config.json: channels, block types, layers, depths of
// the transformers, widths of prompt and added embedding. Not to be seen, and SDXL base's: heads 64
// wide, 32 groups, norm_eps 1e-5, SiLU, addition_time_embed_dim 256, sample_size 128.
absl::StatusOr<nlohmann::json> UNetSizes(const WeightMap& weights);

// Of an AutoencoderKL under diffusers' names. Not to be seen, and SDXL base's: 32 groups,
// scaling_factor 0.13025, SiLU.
absl::StatusOr<nlohmann::json> VaeSizes(const WeightMap& weights);

// Of CLIP's text towers under transformers' names: of CLIP-L (quick_gelu, heads 64 wide, no
// projection) and of OpenCLIP bigG (gelu, heads 64 wide, projection). Positions of both: 77.
absl::StatusOr<nlohmann::json> SdxlTextSizes(const WeightMap& weights, bool second);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_SDXL_SIZES_H_
