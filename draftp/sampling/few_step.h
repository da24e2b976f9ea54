// Samplers of few-step models, whose network is trained to tell the end of its flow: latent
// consistency models (LCM) and trajectory consistency distillation (TCD).
#ifndef DRAFTP_SAMPLING_FEW_STEP_H_
#define DRAFTP_SAMPLING_FEW_STEP_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/lerp.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/sampler_options.h"
#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/step_context.h"

namespace draftp {
namespace internal {

inline const DdpmTable& TableOf(const StepContext& step) {
  return step.table != nullptr ? *step.table : DdpmTable::Standard();
}

}  // namespace internal

// x <- c_out D + c_skip x/sqrt(sigma^2 + 1) + sigma_next eps, with the boundary condition
//   c_skip = 1/4 / ((10 t)^2 + 1/4), c_out = 10 t / sqrt((10 t)^2 + 1/4),
// t the time whose level is nearest to sigma (arXiv 2310.04378, algorithm 3; diffusers'
// LCMScheduler, timestep_scaling 10). One evaluation a step; nothing is drawn in the step to 0.
class Lcm {
 public:
  static constexpr std::string_view kName = "lcm";
  static constexpr std::string_view kWebUi = "LCM";
  static Lcm Make(const SamplerOptions& /*options*/) { return Lcm(); }

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& noise) {
    const double time = 10.0 * internal::TableOf(step).NearestIndex(step.sigma);
    const double root = std::sqrt(time * time + 0.25);
    const double skip = 0.25 / (time * time + 0.25) / std::sqrt(step.sigma * step.sigma + 1.0);
    const at::Tensor end =
        at::add(denoiser(x, step.sigma, step) * (time / root), x, /*alpha=*/skip);
    if (step.sigma_next == 0.0) return end;
    return at::add(end, noise.Like(x), /*alpha=*/step.sigma_next);
  }
  void Reset() {}
  bool draws_noise() const { return true; }
  int evaluations() const { return 1; }
};

// Along the estimated flow to the level s of time floor((1 - gamma) t'), t' the time of sigma_next,
// and back up with noise:
//   x <- D + (s/sigma)(x - D) + sqrt(sigma_next^2 - s^2) eps
// (arXiv 2402.19159, algorithm 4; diffusers' TCDScheduler, whose `eta` is gamma). gamma 0 is
// Euler's step, 1 goes by way of the lowest level. The step to 0 goes to time 0, whose level is s >
// 0, and the result is what diffusers decodes: (D + (s/sigma)(x - D)) / sqrt(s^2 + 1). One
// evaluation a step; nothing is drawn in the last, or where gamma is 0.
class Tcd {
 public:
  static constexpr std::string_view kName = "tcd";
  static constexpr std::string_view kWebUi = "TCD";
  static constexpr std::string_view kOptions = "gamma";
  static Tcd Make(const SamplerOptions& o) { return Tcd(o.gamma); }

  explicit Tcd(double gamma = SamplerOptions().gamma) : gamma_(gamma) {
    TORCH_CHECK(gamma >= 0 && gamma <= 1, "gamma is ", gamma, ", expected 0 to 1");
  }

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& noise) {
    const DdpmTable& table = internal::TableOf(step);
    const at::Tensor denoised = denoiser(x, step.sigma, step);
    if (step.sigma_next == 0.0) {
      const double lowest = table.sigmas().front();
      return at::lerp(denoised, x, std::min(lowest / step.sigma, 1.0)) /
             std::sqrt(lowest * lowest + 1.0);
    }
    if (!draws_noise()) return at::lerp(x, denoised, 1.0 - step.sigma_next / step.sigma);
    const auto time =
        static_cast<int>(std::floor((1.0 - gamma_) * table.NearestIndex(step.sigma_next)));
    const double low = std::min(table.sigmas()[time], step.sigma_next);
    const at::Tensor down = at::lerp(x, denoised, 1.0 - low / step.sigma);
    const double added = std::sqrt(step.sigma_next * step.sigma_next - low * low);
    return at::add(down, noise.Like(x), /*alpha=*/added);
  }
  void Reset() {}
  bool draws_noise() const { return gamma_ > 0; }
  int evaluations() const { return 1; }

 private:
  double gamma_;
};

static_assert(Sampler<Lcm>, "Lcm does not satisfy Sampler");
static_assert(Sampler<Tcd>, "Tcd does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_FEW_STEP_H_
