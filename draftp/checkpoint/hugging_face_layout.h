// The layout of diffusers' and transformers' folders: one part a file, under the libraries' own
// names, with its config.json beside it.
#ifndef DRAFTP_CHECKPOINT_HUGGING_FACE_LAYOUT_H_
#define DRAFTP_CHECKPOINT_HUGGING_FACE_LAYOUT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/layout.h"
#include "draftp/checkpoint/weight_map.h"

namespace draftp {

struct HuggingFaceLayout {
  static constexpr char kExpected[] =
      "a UNet or VAE as diffusers names its tensors or a CLIP as transformers does";

  static std::vector<ModelPart> Sees(const WeightMap& weights);
  // Under today's names. More than one part is an error: no name says where one ends.
  static absl::StatusOr<std::vector<LayoutPart>> Parts(WeightMap weights);
  // `folder`/config.json decides alone.
  static absl::StatusOr<PartConfig> Config(const LayoutPart& part, const std::string& folder);

  // Today's names for those that the libraries have written: a VAE's attention called query, key,
  // value and proj_attn (before diffusers 0.13), its projections 1x1 convolutions; a text encoder
  // without the prefix text_model. (transformers 5). Buffers named position_ids are left out.
  static absl::StatusOr<WeightMap> TodaysNames(WeightMap weights);
};

static_assert(Layout<HuggingFaceLayout>, "HuggingFaceLayout is a layout");

}  // namespace draftp

#endif  // DRAFTP_CHECKPOINT_HUGGING_FACE_LAYOUT_H_
