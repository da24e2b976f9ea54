// Names the weight that holds NaN or infinity, for the message about latents or pictures that do.
#ifndef DRAFTP_SDXL_FIND_NONFINITE_H_
#define DRAFTP_SDXL_FIND_NONFINITE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "draftp/sdxl/sdxl_model.h"

namespace draftp {

// The first tensor in these safetensors files (others are passed over) that holds NaN or infinity:
// `FILE: tensor "NAME" holds NaN`, or what is wrong with a file that can't be read any more.
// `counts` says which names matter. Reads the files whole.
std::optional<std::string> FindNonfinite(
    const std::vector<std::string>& files,
    const std::function<bool(const std::string& name)>& counts = nullptr);

// Why latents aren't finite: FindNonfinite among the files of the text encoders, the UNet and what
// was fine-tuned, or else that values overflowed in the UNet's dtype. It looks into the files since
// the networks' own copies may be merged, packed or rounded.
std::string WhyLatentsAreNotFinite(const SdxlModel& model);

// The same of the decoder, for pictures of finite latents.
std::string WhyPicturesAreNotFinite(const SdxlModel& model);

}  // namespace draftp

#endif  // DRAFTP_SDXL_FIND_NONFINITE_H_
