// open_clip's layout of a CLIP: both towers in one file, attention's q, k and v in one tensor,
// projections the other way round.
#ifndef DRAFTP_CHECKPOINT_OPEN_CLIP_LAYOUT_H_
#define DRAFTP_CHECKPOINT_OPEN_CLIP_LAYOUT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/layout.h"
#include "draftp/checkpoint/tensor_view.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

struct OpenClipLayout {
  static constexpr char kExpected[] =
      "a CLIP as open_clip names its tensors (visual.* and transformer.*)";

  static std::vector<ModelPart> Sees(const WeightMap& weights);
  static absl::StatusOr<std::vector<LayoutPart>> Parts(WeightMap weights);

  // Sizes as the shapes have them; epsilon 1e-5 and gelu, as ViT-H-14 of laion has; the text tower
  // pools the greatest id. Heads are as wide as in open_clip's own models: 64, but 80, 88 and 104
  // in the image towers of widths 1280 (ViT-H), 1408 (ViT-g) and 1664 (ViT-bigG).
  // `folder`/open_clip_config.json, where there is one, says the heads' width, quick_gelu, mean and
  // std instead, and must agree with the shapes; what it asks for besides and would change the
  // result is an error. In the keys of a CLIPModel.
  static absl::StatusOr<PartConfig> Config(const LayoutPart& part, const std::string& folder);
};

static_assert(Layout<OpenClipLayout>, "OpenClipLayout is a layout");

// transformers' names for the text tower whose names begin with `prefix` (the tower alone is also
// a part of files of other layouts), and for the projection behind it.
std::vector<Renaming> OpenClipTextNames(const WeightMap& weights, const std::string& prefix);

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_OPEN_CLIP_LAYOUT_H_
