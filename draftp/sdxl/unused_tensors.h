// What a model's files hold that the model has no place for.
#ifndef DRAFTP_SDXL_UNUSED_TENSORS_H_
#define DRAFTP_SDXL_UNUSED_TENSORS_H_

#include <absl/strings/string_view.h>

#include <string>

#include "draftp/sdxl/sdxl_model.h"

namespace draftp {

// Whether a tensor of this name is expected beside what a drawing model takes: the VAE's encoder,
// EMA weights, buffers of the training and of the libraries, CLIP's logit_scale and CLIP-L's
// projection, marks of the prediction, scales of fp8 weights.
bool IsExpectedBeside(absl::string_view name);

// A line on the tensors of the model's files that nothing took and that aren't expected beside it
// (IsExpectedBeside): of each file how many, and the first names. Empty: there are none. Headers
// are read again, no data.
std::string UnusedTensorsNotice(const SdxlModel& model);

}  // namespace draftp

#endif  // DRAFTP_SDXL_UNUSED_TENSORS_H_
