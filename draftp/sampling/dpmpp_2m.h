// Second-order multistep DPM-Solver++.
#ifndef DRAFTP_SAMPLING_DPMPP_2M_H_
#define DRAFTP_SAMPLING_DPMPP_2M_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/lerp.h>

#include <cmath>
#include <string_view>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/sampler_options.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2; k-diffusion's sample_dpmpp_2m): with h =
// log(sigma/sigma_next), r the last step's h over this one's, and D_last the last step's estimate,
//   x <- (sigma_next/sigma) x + (1 - sigma_next/sigma) ((1 + 1/(2r)) D - 1/(2r) D_last),
// and D alone in the first step and the one that ends at 0. One evaluation a step.
template <NoiseProcess P = VarianceExploding>
class Dpmpp2m {
 public:
  static constexpr std::string_view kName = "dpmpp_2m";
  static constexpr std::string_view kWebUi = "DPM++ 2M";
  static constexpr std::string_view kOriginal = "DPMPP2MSampler";
  static Dpmpp2m Make(const SamplerOptions& /*o*/) { return Dpmpp2m(); }

  explicit Dpmpp2m(P process = {}) : process_(process) {}

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& /*noise*/) {
    const at::Tensor denoised = denoiser(x, step.sigma, step);
    at::Tensor direction = denoised;
    if (last_denoised_.defined() && step.sigma_next > 0.0) {
      const double last = RelativeLevel(process_, last_sigma_);
      const double now = RelativeLevel(process_, step.sigma);
      const double next = RelativeLevel(process_, step.sigma_next);
      const double r = std::log(last / now) / std::log(now / next);
      direction = at::lerp(last_denoised_, denoised, 1.0 + 0.5 / r);
    }
    last_denoised_ = denoised;
    last_sigma_ = step.sigma;
    return at::lerp(x, direction, 1.0 - step.sigma_next / step.sigma);
  }
  void Reset() { last_denoised_.reset(); }
  const P& process() const { return process_; }
  bool draws_noise() const { return false; }
  int evaluations() const { return 1; }

 private:
  P process_;
  at::Tensor last_denoised_;  // [B,C,h,w]; undefined before the first step
  double last_sigma_ = 0.0;
};

static_assert(Sampler<Dpmpp2m<>>, "Dpmpp2m does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_DPMPP_2M_H_
