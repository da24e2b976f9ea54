// DRaFT+'s KL term: how far the fine-tuned model's noise estimates are from the base model's on the
// same run.
#ifndef DRAFTP_OBJECTIVE_GAUSSIAN_KL_H_
#define DRAFTP_OBJECTIVE_GAUSSIAN_KL_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include "draftp/objective/kl_weight.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/gradient_window.h"
#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/tap.h"

namespace draftp {

// A Tap of the fine-tuned model's run. In every step that trains the network, at the x of the
// step's first evaluation, `base` gives its guided D without gradient, and
//   KL = mean over those steps of weight(sigma) mean((d_tuned - d_base)^2),
//   d = (x - alpha(sigma) D) / sigma  (noise_process.h),
// the Gaussian shared-variance form (NVIDIA NeMo-Aligner, DRaFT+). The gradient flows into d_tuned,
// through x as well; d_base is a constant. One object serves one micro batch.
//   GaussianKl kl(base_denoiser, KlWeight::kOne);
//   at::Tensor x = RunTrajectory(sigmas, tuned, sampler, LastK(2), start, noise, kl);
//   at::Tensor loss = -reward.mean() + coefficient * kl.Mean();
template <Denoiser D, NoiseProcess P = VarianceExploding>
class GaussianKl {
 public:
  explicit GaussianKl(D& base, KlWeight weight = KlWeight::kOne, P process = {})
      : base_(&base), weight_(weight), process_(process) {}

  void operator()(const DenoiserCall& call) {
    const bool trains = call.action.gradient == GradientMode::kFull ||
                        call.action.gradient == GradientMode::kDetachedInput;
    if (!trains || call.evaluation != 0) return;
    const at::Tensor x = call.x.detach();
    const at::Tensor constant = [&] {
      const at::NoGradGuard frozen;
      return NoisePart(process_, x, (*base_)(x, call.sigma, call.step), call.sigma);
    }();
    const at::Tensor difference =
        (NoisePart(process_, call.x, call.denoised, call.sigma) - constant) / call.sigma;
    const at::Tensor term = WeightOf(weight_, call.sigma) * difference.square().mean();
    sum_ = sum_.defined() ? sum_ + term : term;
    ++steps_;
  }

  // Scalar, 0 where no step trained the network.
  at::Tensor Mean() const {
    return steps_ > 0 ? sum_ / static_cast<double>(steps_) : at::zeros({});
  }
  int steps() const { return steps_; }

 private:
  D* base_;
  KlWeight weight_;
  P process_;
  at::Tensor sum_;
  int steps_ = 0;
};

static_assert(Tap<GaussianKl<internal::DenoiserArchetype>>, "GaussianKl does not satisfy Tap");

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_GAUSSIAN_KL_H_
