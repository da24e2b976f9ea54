// Denoisers of data laws that are known in closed form, and doubles around them (tests only).
#ifndef DRAFTP_SAMPLING_ANALYTIC_DENOISER_H_
#define DRAFTP_SAMPLING_ANALYTIC_DENOISER_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/schedule/step_context.h"

namespace draftp::testing {

// Data N(mean, deviation^2), independent elements: the posterior mean is
// D(x; sigma) = (deviation^2 x + sigma^2 mean) / (deviation^2 + sigma^2).
struct GaussianDenoiser {
  double mean;
  double deviation;

  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& /*step*/) const {
    const double prior = deviation * deviation, noise = sigma * sigma;
    return (x * prior + noise * mean) / (prior + noise);
  }

  // Where the probability-flow ODE dx/dsigma = (x - D)/sigma takes x from sigma to sigma_end:
  // mean + (x - mean) sqrt((deviation^2 + sigma_end^2) / (deviation^2 + sigma^2)).
  at::Tensor Flow(const at::Tensor& x, double sigma, double sigma_end) const {
    const double prior = deviation * deviation;
    return mean + (x - mean) * std::sqrt((prior + sigma_end * sigma_end) / (prior + sigma * sigma));
  }
};

// Data +mean or -mean with equal odds, each with a Gaussian of `deviation`: not linear in x.
struct BimodalDenoiser {
  double mean;
  double deviation;

  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& /*step*/) const {
    const double prior = deviation * deviation, noise = sigma * sigma;
    return (x * prior + noise * mean * (x * (mean / (prior + noise))).tanh()) / (prior + noise);
  }
};

// Passes calls on and keeps what they were.
template <Denoiser D>
struct RecordingDenoiser {
  struct Call {
    at::Tensor x, x_before, denoised,
        denoised_before;  // handles, and clones made at the time of the call
    double sigma;
    StepContext step;
  };
  D inner;
  std::vector<Call> calls = {};

  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step) {
    const at::Tensor denoised = inner(x, sigma, step);
    calls.push_back({x, x.clone(), denoised, denoised.clone(), sigma, step});
    return denoised;
  }
};

// Hands out given tensors in order, in x's dtype; one draw too many throws.
class ReplayNoise {
 public:
  explicit ReplayNoise(std::vector<at::Tensor> noise = {}) : noise_(std::move(noise)) {}
  at::Tensor Initial(at::IntArrayRef /*sizes*/) {
    TORCH_CHECK(false, "a replayed run starts from a given state");
  }
  at::Tensor Like(const at::Tensor& x) {
    TORCH_CHECK(next_ < noise_.size(), "draw ", next_ + 1, " of ", noise_.size());
    return noise_[next_++].to(x.scalar_type());
  }
  std::size_t drawn() const { return next_; }

 private:
  std::vector<at::Tensor> noise_;
  std::size_t next_ = 0;
};

static_assert(Denoiser<GaussianDenoiser> && Denoiser<BimodalDenoiser>);
static_assert(Denoiser<RecordingDenoiser<GaussianDenoiser>>);
static_assert(NoiseSource<ReplayNoise>);

}  // namespace draftp::testing

#endif  // DRAFTP_SAMPLING_ANALYTIC_DENOISER_H_
