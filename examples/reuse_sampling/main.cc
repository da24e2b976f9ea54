// Samples a Gaussian with draftp's loop: the model is five lines, the schedule, sampler and noise
// are draftp's.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "draftp/sampling/sampling.h"
#include "draftp/schedule/schedules.h"

namespace {

// The exact denoiser of data distributed N(mean, deviation^2): D(x; sigma) = (d^2 x + sigma^2 mean)
// / (d^2 + sigma^2).
struct GaussianDenoiser {
  double mean, deviation;
  at::Tensor operator()(const at::Tensor& x, double sigma, const draftp::StepContext&) const {
    const double d2 = deviation * deviation, s2 = sigma * sigma;
    return (d2 * x + s2 * mean) / (d2 + s2);
  }
};
static_assert(draftp::Denoiser<GaussianDenoiser>);

}  // namespace

int main() {
  GaussianDenoiser denoiser{.mean = 3.0, .deviation = 0.5};
  const std::vector<double> sigmas = draftp::EdmKarras(0.002, 80, 7).Sigmas(40);
  const std::array<int64_t, 4> images = {0, 1, 2, 3};
  draftp::PerImageNoise noise(/*seed=*/1243, images);
  const at::Tensor samples =
      draftp::RunTrajectory(sigmas, denoiser, draftp::HeunEdm(), draftp::InferenceOnly(),
                            noise.Initial({4, 4, 32, 32}), noise);
  const double mean = samples.mean().item<double>(), deviation = samples.std().item<double>();
  std::printf("mean %.3f (3), deviation %.3f (0.5)\n", mean, deviation);
  return std::abs(mean - 3.0) < 0.05 && std::abs(deviation - 0.5) < 0.05 ? 0 : 1;
}
