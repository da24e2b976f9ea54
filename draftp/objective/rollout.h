// A micro batch's run from noise to final latents, with everything fixed but the gradient window.
#ifndef DRAFTP_OBJECTIVE_ROLLOUT_H_
#define DRAFTP_OBJECTIVE_ROLLOUT_H_

#include <ATen/core/Tensor.h>

#include <concepts>
#include <functional>
#include <span>
#include <tuple>
#include <utility>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/gradient_window.h"
#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/tap.h"
#include "draftp/sampling/trajectory.h"

namespace draftp {

// What a training objective is given. `start` ~ N(0,1) [B,C,h,w]; the taps see every evaluation. It
// refers to all of its arguments, for one micro batch.
template <Denoiser D, Sampler S, NoiseSource N, Tap... T>
class Rollout {
 public:
  Rollout(std::span<const double> sigmas, D& denoiser, S sampler, at::Tensor start, N& noise,
          T&... taps)
      : sigmas_(sigmas),
        denoiser_(denoiser),
        sampler_(std::move(sampler)),
        start_(std::move(start)),
        noise_(noise),
        taps_(taps...) {}

  int steps() const { return static_cast<int>(sigmas_.size()) - 1; }
  double sigma(int step) const { return sigmas_[step]; }

  // Called with each step's action before the step: phase clocks.
  void OnStep(std::function<void(StepAction)> observer) { observer_ = std::move(observer); }

  // The whole run under a window -> [B,C,h,w].
  template <GradientWindow W>
  at::Tensor Run(const W& window) {
    return Resume(0, ProcessOf(sampler_).Initial(start_, sigmas_[0]), window);
  }

  // The steps first..N-1 from the state x [B,C,h,w] at sigma(first).
  template <GradientWindow W>
  at::Tensor Resume(int first, at::Tensor x, const W& window) {
    const auto observed = [&](int index, int total) {
      const StepAction action = window(index, total);
      if (observer_) observer_(action);
      return action;
    };
    return std::apply(
        [&](T&... taps) {
          return ResumeTrajectory(sigmas_, first, denoiser_, sampler_, observed, std::move(x),
                                  noise_, taps...);
        },
        taps_);
  }

  // Final latents [B,C,h,w] brought to the level of `step` by fresh noise of the images' own
  // generators.
  at::Tensor Renoised(const at::Tensor& latents, int step) {
    return Diffuse(ProcessOf(sampler_), latents, sigmas_[step], noise_.Like(latents));
  }

 private:
  std::span<const double> sigmas_;
  D& denoiser_;
  S sampler_;
  at::Tensor start_;
  N& noise_;
  std::tuple<T&...> taps_;
  std::function<void(StepAction)> observer_;
};

namespace internal {

// Declared only: stands for every rollout where the concept Objective is checked.
struct RolloutArchetype {
  int steps() const;
  double sigma(int step) const;
  template <GradientWindow W>
  at::Tensor Run(const W& window);
  template <GradientWindow W>
  at::Tensor Resume(int first, at::Tensor x, const W& window);
  at::Tensor Renoised(const at::Tensor& latents, int step);
};

}  // namespace internal
}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_ROLLOUT_H_
