// Heun's method on the probability-flow ODE, with churn.
#ifndef DRAFTP_SAMPLING_HEUN_EDM_H_
#define DRAFTP_SAMPLING_HEUN_EDM_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
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

// An Euler step to x' at sigma_next, then x <- x_hat + dt (d(x_hat; sigma_hat) + d(x'; sigma_next))
// / 2 with dt = sigma_next - sigma_hat (EDM, arXiv 2206.00364, algorithm 2). Second order; two
// evaluations a step, one in the step that ends at 0, where d isn't defined.
template <NoiseProcess P = VarianceExploding>
class HeunEdm {
 public:
  static constexpr std::string_view kName = "heun";
  static constexpr std::string_view kWebUi = "Heun";
  static constexpr std::string_view kOptions = "s_churn s_tmin s_tmax s_noise";
  static constexpr std::string_view kOriginal = "HeunEDMSampler";
  static HeunEdm Make(const SamplerOptions& o) {
    return HeunEdm({o.s_churn, o.s_tmin, o.s_tmax, o.s_noise});
  }

  explicit HeunEdm(Churn churn = {}, P process = {}) : churn_(churn), process_(process) {}

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& noise) {
    const double sigma_hat = churn_.SigmaHat(process_, step);
    const at::Tensor x_hat = churn_.Raise(process_, x, step, sigma_hat, noise);
    const at::Tensor euler =
        at::lerp(x_hat, denoiser(x_hat, sigma_hat, step), 1.0 - step.sigma_next / sigma_hat);
    if (step.sigma_next == 0.0) return euler;
    const at::Tensor corrected = denoiser(euler, step.sigma_next, step);
    // (x_hat + dt d)/2 is euler/2; the other half is (x_hat + dt d')/2.
    const double dt = step.sigma_next - sigma_hat;
    return at::add(at::lerp(x_hat, euler, 0.5), euler - corrected, 0.5 * dt / step.sigma_next);
  }
  void Reset() {}
  const P& process() const { return process_; }
  bool draws_noise() const { return churn_.draws_noise(); }
  int evaluations() const { return 2; }

 private:
  Churn churn_;
  P process_;
};

static_assert(Sampler<HeunEdm<>>, "HeunEdm does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_HEUN_EDM_H_
