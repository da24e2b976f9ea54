// Reads testdata/goldens/samplers.json (tests only).
#ifndef DRAFTP_SAMPLING_GOLDEN_H_
#define DRAFTP_SAMPLING_GOLDEN_H_

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <string>
#include <vector>

#include "draftp/sampling/any_sampler.h"

namespace draftp::testing {

// The float64 array at a JSON pointer ("/noise/per_image/0/draws/1"), as a tensor of `sizes`.
at::Tensor GoldenTensor(const std::string& pointer, at::IntArrayRef sizes);

double GoldenNumber(const std::string& pointer);

// A run of k-diffusion over BimodalDenoiser{/k_diffusion/mean, /k_diffusion/deviation}.
struct GoldenRun {
  std::string sampler;  // a name of AnySampler
  SamplerOptions options;
  std::vector<double> sigmas;
  at::Tensor x;                   // [2,1,2,2] f64, the state at sigmas[0]
  std::vector<at::Tensor> noise;  // what was added, in order
  at::Tensor final;               // at sigmas.back()
};
std::vector<GoldenRun> GoldenRuns();

// Runs of diffusers' LCM and TCD (testdata/goldens/few_step.json) over the same denoiser. x and
// final are what they are at sigma: a sample of diffusers times sqrt(sigma^2 + 1).
std::vector<GoldenRun> FewStepRuns();

}  // namespace draftp::testing

#endif  // DRAFTP_SAMPLING_GOLDEN_H_
