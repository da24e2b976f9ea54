// Euler's method on the probability-flow ODE, with churn: the original's default sampler.
#ifndef DRAFTP_SAMPLING_EULER_EDM_H_
#define DRAFTP_SAMPLING_EULER_EDM_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/lerp.h>

#include <string_view>

#include "draftp/sampling/churn.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/sampler_options.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// x <- x_hat + (sigma_next - sigma_hat) d, d = (x_hat - D(x_hat; sigma_hat)) / sigma_hat
// (EDM, arXiv 2206.00364, algorithm 2 without the correction). First order, one evaluation a step.
template <NoiseProcess P = VarianceExploding>
class EulerEdm {
 public:
  static constexpr std::string_view kName = "euler";
  static constexpr std::string_view kWebUi = "Euler";
  static constexpr std::string_view kOptions = "s_churn s_tmin s_tmax s_noise";
  static constexpr std::string_view kOriginal = "EulerEDMSampler";
  static EulerEdm Make(const SamplerOptions& o) {
    return EulerEdm({o.s_churn, o.s_tmin, o.s_tmax, o.s_noise});
  }

  explicit EulerEdm(Churn churn = {}, P process = {}) : churn_(churn), process_(process) {}

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& noise) {
    const double sigma_hat = churn_.SigmaHat(process_, step);
    const at::Tensor x_hat = churn_.Raise(process_, x, step, sigma_hat, noise);
    // x_hat + dt (x_hat - D)/sigma_hat goes the fraction 1 - sigma_next/sigma_hat of the way to D.
    return at::lerp(x_hat, denoiser(x_hat, sigma_hat, step), 1.0 - step.sigma_next / sigma_hat);
  }
  void Reset() {}
  const P& process() const { return process_; }
  bool draws_noise() const { return churn_.draws_noise(); }
  int evaluations() const { return 1; }

 private:
  Churn churn_;
  P process_;
};

static_assert(Sampler<EulerEdm<>>, "EulerEdm does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_EULER_EDM_H_
