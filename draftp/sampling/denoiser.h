// The concept Denoiser: a clean-image estimate D(x; sigma), all that a sampler knows about a model.
#ifndef DRAFTP_SAMPLING_DENOISER_H_
#define DRAFTP_SAMPLING_DENOISER_H_

#include <ATen/core/Tensor.h>

#include <concepts>

#include "draftp/schedule/step_context.h"

namespace draftp {

// d(x, sigma, step) is the estimate of the clean image in x = image + sigma * noise
// (EDM, arXiv 2206.00364, eq. 2); the noise estimate is (x - D) / sigma.
//   x      [B,C,h,w], left as it is; the result has its shape, dtype and device.
//   sigma  > 0, the level of this evaluation; inside a step it may differ from step.sigma
//          (churn, midpoints, corrections).
//   step   the step as a whole; schedules (mixture weights, guidance intervals) read only this, so
//          that all evaluations of a step see one mixture.
// Differentiable in x and in the model's parameters whenever grad mode is on.
template <class D>
concept Denoiser = requires(D& d, const at::Tensor& x, double sigma, const StepContext& step) {
  { d(x, sigma, step) } -> std::same_as<at::Tensor>;
};

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_DENOISER_H_
