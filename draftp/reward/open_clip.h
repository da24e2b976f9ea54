// open_clip's layout of a CLIP model: sizes from the tensors' shapes, and transformers' names for
// its tensors.
#ifndef DRAFTP_REWARD_OPEN_CLIP_H_
#define DRAFTP_REWARD_OPEN_CLIP_H_

#include <array>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/weight_map.h"
#include "draftp/model/clip_image_config.h"
#include "draftp/model/clip_text_config.h"

namespace draftp {

struct OpenClipConfig {
  ClipTextConfig text;  // pools the greatest id, as open_clip does
  ClipImageConfig image;
  std::array<double, 3> mean, std;  // of pixels in [0,1]
};

// Sizes as the shapes of `weights` have them; epsilon 1e-5 and gelu, as ViT-H-14 of laion has.
// Heads are as wide as in open_clip's own models: 64, but 80, 88 and 104 in the image towers of
// widths 1280 (ViT-H), 1408 (ViT-g) and 1664 (ViT-bigG). `folder`/open_clip_config.json, where
// there is one, says the heads' width, quick_gelu, mean and std instead, and must agree with the
// shapes; what it asks for besides and would change the result is an error.
absl::StatusOr<OpenClipConfig> ReadOpenClipConfig(const WeightMap& weights,
                                                  const std::string& folder);

// The same weights under transformers' names: in_proj cut into q, k and v, projections transposed.
// Errors name the tensor as the file does.
absl::StatusOr<WeightMap> RenameOpenClip(const OpenClipConfig& config, WeightMap weights);

}  // namespace draftp

#endif  // DRAFTP_REWARD_OPEN_CLIP_H_
