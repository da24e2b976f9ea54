// Names the weight that holds NaN or infinity, for the message about latents or pictures that do.
#ifndef DRAFTP_SDXL_FIND_NONFINITE_H_
#define DRAFTP_SDXL_FIND_NONFINITE_H_

#include <optional>
#include <string>
#include <vector>

#include "draftp/checkpoint/weight_map.h"
#include "draftp/sdxl/sdxl_model.h"

namespace draftp {

// The first tensor that holds NaN or infinity among those that parts took from their files:
// `FILE: tensor "NAME" holds NaN`, or what is wrong with a file that can't be read any more. Reads
// what they took whole.
std::optional<std::string> FindNonfinite(const std::vector<const WeightOrigin*>& origins);

// Why latents aren't finite: FindNonfinite among what the UNet, the text encoders and what was
// fine-tuned come from, or else that values overflowed in the UNet's dtype. It looks into the files
// since the networks' own copies may be merged, packed or rounded.
std::string WhyLatentsAreNotFinite(const SdxlModel& model);

// The same of the decoder, for pictures of finite latents.
std::string WhyPicturesAreNotFinite(const SdxlModel& model);

}  // namespace draftp

#endif  // DRAFTP_SDXL_FIND_NONFINITE_H_
