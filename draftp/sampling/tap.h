// The concept Tap: an observer of every denoiser call of a run (KL terms, statistics, previews,
// progress).
#ifndef DRAFTP_SAMPLING_TAP_H_
#define DRAFTP_SAMPLING_TAP_H_

#include <ATen/core/Tensor.h>

#include <concepts>

#include "draftp/sampling/gradient_window.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// One evaluation of the denoiser. The tensors live for the call alone; keep copies of the handles.
struct DenoiserCall {
  const at::Tensor& x;      // [B,C,h,w] where it was evaluated
  double sigma;             // at which level (churn: sigma_hat, not step.sigma)
  const StepContext& step;  // in which step
  int evaluation;           // its place in the step: 0, then 1 for a correction or midpoint
  StepAction action;  // what the step does for autograd; grad mode is on unless gradient is kNone
  const at::Tensor& denoised;  // [B,C,h,w] D(x; sigma), with its graph
};

// tap(call) runs right after the evaluation, in its grad mode. It may evaluate other denoisers at
// the same x, and throw to end the run; it must not change the tensors. A KL term takes the calls
// with evaluation == 0 in steps whose gradient is not kNone.
template <class T>
concept Tap = requires(T& tap, const DenoiserCall& call) { tap(call); };

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_TAP_H_
