// Ancestral sampling with Euler steps.
#ifndef DRAFTP_SAMPLING_EULER_ANCESTRAL_H_
#define DRAFTP_SAMPLING_EULER_ANCESTRAL_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/lerp.h>

#include <string_view>

#include "draftp/sampling/ancestral_split.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/sampler_options.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// x <- x + (down - sigma) d + s_noise up eps, with (down, up) of ancestral_split.h (k-diffusion's
// sample_euler_ancestral). One evaluation a step; where nothing is added, nothing is drawn.
template <NoiseProcess P = VarianceExploding>
class EulerAncestral {
 public:
  static constexpr std::string_view kName = "euler_ancestral";
  static constexpr std::string_view kWebUi = "Euler a";
  static constexpr std::string_view kOptions = "eta s_noise";
  static constexpr std::string_view kOriginal = "EulerAncestralSampler";
  static EulerAncestral Make(const SamplerOptions& o) { return EulerAncestral({o.eta, o.s_noise}); }

  explicit EulerAncestral(Ancestral options = {}, P process = {})
      : options_(options), process_(process) {}

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& noise) {
    const AncestralStep way(process_, step.sigma, step.sigma_next, options_);
    const at::Tensor down =
        at::lerp(x, denoiser(x, step.sigma, step), 1.0 - way.down() / step.sigma);
    return way.Raise(down, noise);
  }
  void Reset() {}
  const P& process() const { return process_; }
  bool draws_noise() const { return options_.draws_noise(); }
  int evaluations() const { return 1; }

 private:
  Ancestral options_;
  P process_;
};

static_assert(Sampler<EulerAncestral<>>, "EulerAncestral does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_EULER_ANCESTRAL_H_
