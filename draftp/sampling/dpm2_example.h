// The example of docs/add_a_sampler.md: DPM-2. Compiled and tested, not registered.
#ifndef DRAFTP_SAMPLING_DPM2_EXAMPLE_H_
#define DRAFTP_SAMPLING_DPM2_EXAMPLE_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/lerp.h>

#include <cmath>
#include <string_view>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/sampler_options.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// x' = x + (m - sigma) d(x; sigma) at the midpoint m = sqrt(sigma sigma_next), then
// x <- x + (sigma_next - sigma) d(x'; m), d = (x - D)/sigma: DPM-Solver-2 (arXiv 2206.00927,
// algorithm 1), k-diffusion's sample_dpm_2. Second order; two evaluations a step, one in the step
// that ends at 0, which has no midpoint.
class Dpm2 {
 public:
  static constexpr std::string_view kName = "dpm_2";
  static Dpm2 Make(const SamplerOptions& /*options*/) { return Dpm2(); }

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& /*noise*/) {
    const at::Tensor denoised = denoiser(x, step.sigma, step);
    if (step.sigma_next == 0.0) return denoised;
    const double middle = std::sqrt(step.sigma * step.sigma_next);
    const at::Tensor half = at::lerp(x, denoised, 1.0 - middle / step.sigma);
    const at::Tensor residual = half - denoiser(half, middle, step);
    return at::add(x, residual, (step.sigma_next - step.sigma) / middle);
  }
  void Reset() {}
  bool draws_noise() const { return false; }
  int evaluations() const { return 2; }
};

static_assert(Sampler<Dpm2>, "Dpm2 does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_DPM2_EXAMPLE_H_
