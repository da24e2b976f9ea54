// Ancestral sampling with second-order single-step DPM-Solver++ steps.
#ifndef DRAFTP_SAMPLING_DPMPP_2S_ANCESTRAL_H_
#define DRAFTP_SAMPLING_DPMPP_2S_ANCESTRAL_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/lerp.h>

#include <cmath>
#include <string_view>

#include "draftp/sampling/ancestral_split.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/sampler_options.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// DPM-Solver++(2S) (arXiv 2211.01095, algorithm 1, r = 1/2) from sigma to `down` of
// ancestral_split.h through the midpoint sqrt(sigma down), then noise: k-diffusion's
// sample_dpmpp_2s_ancestral. In t = -log sigma a step of length h is x <- e^{-h} x + (1 - e^{-h}) D
// with e^{-h} the ratio of the sigmas. Two evaluations a step, one where down = 0; second order for
// eta = 0.
template <NoiseProcess P = VarianceExploding>
class Dpmpp2sAncestral {
 public:
  static constexpr std::string_view kName = "dpmpp_2s";
  static constexpr std::string_view kWebUi = "DPM++ 2S a";
  static constexpr std::string_view kOptions = "eta s_noise";
  static constexpr std::string_view kOriginal = "DPMPP2SAncestralSampler";
  static Dpmpp2sAncestral Make(const SamplerOptions& o) {
    return Dpmpp2sAncestral({o.eta, o.s_noise});
  }

  explicit Dpmpp2sAncestral(Ancestral options = {}, P process = {})
      : options_(options), process_(process) {}

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& noise) {
    const AncestralStep way(process_, step.sigma, step.sigma_next, options_);
    at::Tensor denoised = denoiser(x, step.sigma, step);
    if (way.down() > 0.0) {
      const double middle = process_.level(
          std::sqrt(RelativeLevel(process_, step.sigma) * RelativeLevel(process_, way.down())));
      denoised = denoiser(at::lerp(x, denoised, 1.0 - middle / step.sigma), middle, step);
    }
    const at::Tensor down = at::lerp(x, denoised, 1.0 - way.down() / step.sigma);
    return way.Raise(down, noise);
  }
  void Reset() {}
  const P& process() const { return process_; }
  bool draws_noise() const { return options_.draws_noise(); }
  int evaluations() const { return 2; }

 private:
  Ancestral options_;
  P process_;
};

static_assert(Sampler<Dpmpp2sAncestral<>>, "Dpmpp2sAncestral does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_DPMPP_2S_ANCESTRAL_H_
