// The one sampling loop: inference, annealing and every truncated backpropagation are its
// parameters.
#ifndef DRAFTP_SAMPLING_TRAJECTORY_H_
#define DRAFTP_SAMPLING_TRAJECTORY_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <span>
#include <tuple>
#include <utility>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/gradient_window.h"
#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/tap.h"
#include "draftp/schedule/step_context.h"

namespace draftp {
namespace internal {

// What a sampler calls in place of the denoiser: applies the step's gradient mode, then shows the
// taps.
template <Denoiser D, Tap... T>
class ObservedDenoiser {
 public:
  ObservedDenoiser(D& denoiser, StepAction action, std::tuple<T&...> taps)
      : denoiser_(denoiser), action_(action), taps_(taps) {}

  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step) {
    const at::Tensor denoised = Evaluate(x, sigma, step);
    const DenoiserCall call{x, sigma, step, evaluation_++, action_, denoised};
    std::apply([&call](T&... tap) { (static_cast<void>(tap(call)), ...); }, taps_);
    return denoised;
  }

 private:
  at::Tensor Evaluate(const at::Tensor& x, double sigma, const StepContext& step) {
    if (action_.gradient == GradientMode::kNone || action_.gradient == GradientMode::kFull) {
      return denoiser_(x, sigma, step);
    }
    const at::Tensor input = x.detach();
    const at::Tensor denoised = [&] {
      const at::AutoGradMode mode(at::GradMode::is_enabled() &&
                                  action_.gradient != GradientMode::kStateOnly);
      return denoiser_(input, sigma, step);
    }();
    // dD/dx = 1 and no change of value: so x - D, the noise estimate, is without gradient in x.
    return x.requires_grad() ? denoised + (x - input) : denoised;
  }

  D& denoiser_;
  const StepAction action_;
  std::tuple<T&...> taps_;
  int evaluation_ = 0;
};

}  // namespace internal

// Runs the steps first..N-1 of the N = sigmas.size() - 1 transitions, from the state x [B,C,h,w] at
// sigmas[first]; returns x_N, or D(x_i) where the window says predict_and_stop. The sampler starts
// without history. Steps of GradientMode::kNone run with grad mode off (not in inference mode: the
// next step may differentiate what they return), so a step with gradient takes such an x as a
// constant. x_N's graph holds all that the window recorded; under a caller's NoGradGuard nothing
// is.
template <Denoiser D, Sampler S, GradientWindow W, NoiseSource N, Tap... T>
at::Tensor ResumeTrajectory(std::span<const double> sigmas, int first, D& denoiser, S sampler,
                            const W& window, at::Tensor x, N& noise, T&... taps) {
  const int total = static_cast<int>(sigmas.size()) - 1;
  TORCH_CHECK(first >= 0 && first <= total, "first step ", first, " of ", total, " transitions");
  sampler.Reset();
  for (int i = first; i < total; ++i) {
    const StepContext step{i, total, sigmas[i], sigmas[i + 1]};
    const StepAction action = window(i, total);
    const at::AutoGradMode mode(at::GradMode::is_enabled() &&
                                action.gradient != GradientMode::kNone);
    internal::ObservedDenoiser<D, T...> observed(denoiser, action, std::tie(taps...));
    if (action.predict_and_stop) return observed(x, step.sigma, step);
    x = sampler.Step(observed, x, step, noise);
  }
  return x;
}

// A whole run from `initial_noise` ~ N(0,1) [B,C,h,w], of the noise process that the sampler is
// for (noise_process.h); sigmas are N+1 descending noise levels, the
// last 0.
//   PerImageNoise noise(seed, images);
//   at::Tensor latents = RunTrajectory(levels.Sigmas(25), denoiser, EulerEdm(), InferenceOnly(),
//                                      noise.Initial({batch, 4, h, w}), noise);
template <Denoiser D, Sampler S, GradientWindow W, NoiseSource N, Tap... T>
at::Tensor RunTrajectory(std::span<const double> sigmas, D& denoiser, S sampler, const W& window,
                         at::Tensor initial_noise, N& noise, T&... taps) {
  TORCH_CHECK(sigmas.size() >= 2, "a run needs at least 2 noise levels, got ", sigmas.size());
  at::Tensor x = ProcessOf(sampler).Initial(initial_noise, sigmas[0]);
  return ResumeTrajectory(sigmas, 0, denoiser, std::move(sampler), window, std::move(x), noise,
                          taps...);
}

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_TRAJECTORY_H_
