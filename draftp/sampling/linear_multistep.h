// Adams-Bashforth steps in sigma over the last few derivatives.
#ifndef DRAFTP_SAMPLING_LINEAR_MULTISTEP_H_
#define DRAFTP_SAMPLING_LINEAR_MULTISTEP_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <c10/util/Exception.h>

#include <cstddef>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/sampler_options.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// c_j = integral from sigmas[0] to sigma_next of the Lagrange polynomial that is 1 at sigmas[j] and
// 0 at the others, exact to rounding. `sigmas`: distinct, newest first.
std::vector<double> AdamsBashforthCoefficients(std::span<const double> sigmas, double sigma_next);

// x <- x + sum_j c_j d_j over the last `order` steps (fewer at the start), d = (x - D)/sigma:
// k-diffusion's sample_lms. One evaluation a step.
template <NoiseProcess P = VarianceExploding>
class LinearMultistep {
 public:
  static constexpr std::string_view kName = "lms";
  static constexpr std::string_view kWebUi = "LMS";
  static constexpr std::string_view kOptions = "order";
  static constexpr std::string_view kOriginal = "LinearMultistepSampler";
  static LinearMultistep Make(const SamplerOptions& o) { return LinearMultistep(o.order); }

  explicit LinearMultistep(int order = 4, P process = {}) : order_(order), process_(process) {
    TORCH_CHECK(order >= 1, "LinearMultistep needs order >= 1, got ", order);
  }

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& /*noise*/) {
    sigmas_.push_front(step.sigma);
    residuals_.push_front(x - denoiser(x, step.sigma, step));
    if (sigmas_.size() > static_cast<std::size_t>(order_)) {
      sigmas_.pop_back();
      residuals_.pop_back();
    }
    const std::vector<double> sigmas(sigmas_.begin(), sigmas_.end());
    const std::vector<double> coefficients = AdamsBashforthCoefficients(sigmas, step.sigma_next);
    at::Tensor next = at::add(x, residuals_[0], coefficients[0] / sigmas[0]);
    for (std::size_t j = 1; j < sigmas.size(); ++j)
      next.add_(residuals_[j], coefficients[j] / sigmas[j]);
    return next;
  }
  void Reset() {
    sigmas_.clear();
    residuals_.clear();
  }
  const P& process() const { return process_; }
  bool draws_noise() const { return false; }
  int evaluations() const { return 1; }

 private:
  int order_;
  P process_;
  std::deque<double> sigmas_;         // newest first
  std::deque<at::Tensor> residuals_;  // x - D at those, [B,C,h,w] each
};

static_assert(Sampler<LinearMultistep<>>, "LinearMultistep does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_LINEAR_MULTISTEP_H_
