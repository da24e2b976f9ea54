// Loads both towers of a CLIP model, whichever of the two layouts its files have.
#ifndef DRAFTP_REWARD_CLIP_TOWERS_H_
#define DRAFTP_REWARD_CLIP_TOWERS_H_

#include <array>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/kernels/placement.h"
#include "draftp/model/clip_image.h"
#include "draftp/model/clip_text.h"

namespace draftp {

struct ClipTowers {
  ClipText text;
  ClipImage image;
  double logit_scale = 0;               // natural logarithm of the factor on the cosine
  std::array<double, 3> mean, std;      // of pixels in [0,1]
  bool open_clip = false;               // the layout that the files have
  std::vector<std::string> files = {};  // that the weights lie in
};

// The two layouts, for error messages.
extern const char kClipLayouts[];

// `path` is either of
// - transformers' CLIPModel (PickScore): a folder with config.json and model.safetensors (or what
//   WeightMap finds in its place), or that file; tensors text_model.*, vision_model.*,
//   text_projection, visual_projection, logit_scale.
// - open_clip's CLIP (HPSv2): a file of .safetensors, or of torch.save (.pt, .pth, .bin, .ckpt),
// with
//   visual.*, transformer.*, token_embedding and more, or a folder with one such file and no
//   config.json.
// Which of them names and shapes say (checkpoint/any_layout.h).
// Errors name the file, what was found and what was expected; of another layout, both layouts.
absl::StatusOr<ClipTowers> LoadClipTowers(const std::string& path, const Placement& placement);

}  // namespace draftp

#endif  // DRAFTP_REWARD_CLIP_TOWERS_H_
