// The concept Guider: which conditionings an image is evaluated with, and how they combine.
#ifndef DRAFTP_SAMPLING_GUIDER_H_
#define DRAFTP_SAMPLING_GUIDER_H_

#include <ATen/core/Tensor.h>

#include <concepts>
#include <span>

#include "draftp/sampling/noise_predictor.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// - g.Conditions(step): the network rows an image takes in this step, at least one, unconditional
//   first; the span lives as long as the guider.
// - g.Combine(step, predictions): their network outputs, in that order, each [B,C,h,w] in x's
// dtype,
//   to [B,C,h,w].
// Both depend on the step alone, so every evaluation inside a step is guided alike. Guiders combine
// the network's outputs F, not the estimates D = c_skip x + c_out F: an affine combination is the
// same in both, and D is then formed once; those that are not affine (rescaling) are defined on F.
template <class G>
concept Guider =
    requires(const G& g, const StepContext& step, std::span<const at::Tensor> predictions) {
      { g.Conditions(step) } -> std::same_as<std::span<const Condition>>;
      { g.Combine(step, predictions) } -> std::same_as<at::Tensor>;
    };

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_GUIDER_H_
