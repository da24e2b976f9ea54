// The embedded model's networks on a CPU in float32, plain (LibTorch's operators) and packed
// (ours), and what a sampler adds to them.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

#include "draftp/model/pack_weights.h"
#include "draftp/model/unet.h"
#include "draftp/model/unet_prepare.h"
#include "draftp/model/vae_decoder.h"
#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/any_noise.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/sampling/gradient_window.h"
#include "draftp/sampling/trajectory.h"

namespace draftp {
namespace {

const std::string kModel = "testdata/tiny_sdxl";
const Placement kPlace{.device = at::kCPU, .dtype = at::kFloat};

// LibTorch's operators on all threads beside plain weights, and on one beside packed ones, whose
// kernels have threads of their own: as //tools:anneal does it.
void SetThreads(bool packed) {
  static const int all = at::get_num_threads();
  at::set_num_threads(packed ? 1 : all);
}

// Arguments: rows, and whether the weights are packed.
void UNetCall(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  SetThreads(state.range(1) != 0);
  const int64_t rows = state.range(0);
  UNet unet = *UNet::Load(kModel + "/unet", kPlace);
  if (state.range(1) != 0) VisitWeights(unet, PackWeights());
  const Prepared prepared = Prepare(
      unet, {at::randn({rows, 77, 192}), at::randn({rows, 128}), at::full({rows, 6}, 128.0)});
  const at::Tensor sample = at::randn({rows, 4, 16, 16}), time = at::full({}, 500.0);
  for (auto _ : state) benchmark::DoNotOptimize(UNetForward(unet, sample, time, prepared));
}
BENCHMARK(UNetCall)
    ->ArgNames({"rows", "packed"})
    ->ArgsProduct({{1, 2, 4, 8}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void VaeDecode(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  SetThreads(state.range(0) != 0);
  VaeDecoder vae = *VaeDecoder::Load(kModel + "/vae", kPlace);
  if (state.range(0) != 0) VisitWeights(vae, PackWeights());
  const at::Tensor latents = at::randn({1, 4, 16, 16});
  for (auto _ : state) benchmark::DoNotOptimize(DecodeRaw(vae, latents));
}
BENCHMARK(VaeDecode)
    ->ArgName("packed")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void LoadUNet(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  for (auto _ : state) {
    UNet unet = *UNet::Load(kModel + "/unet", kPlace);
    if (state.range(0) != 0) VisitWeights(unet, PackWeights());
    benchmark::DoNotOptimize(unet);
  }
}
BENCHMARK(LoadUNet)
    ->ArgName("packed")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// A run of 25 steps whose denoiser is a formula: nearly all of it is the sampler's own.
void SamplerSteps(benchmark::State& state, const std::string& name) {
  const at::NoGradGuard no_grad;
  std::vector<double> sigmas;
  for (int i = 0; i < 25; ++i) sigmas.push_back(14.6 * (25 - i) / 25);
  sigmas.push_back(0);
  testing::BimodalDenoiser denoiser{1.5, 0.4};
  const AnySampler sampler = *AnySampler::Named(name, {});
  const at::Tensor start = at::randn({1, 4, 16, 16});
  const std::vector<int64_t> images = {0};
  for (auto _ : state) {
    AnyNoise noise = NoiseStreams::Named("per_image", 1, 0)->ForBatch(images);
    benchmark::DoNotOptimize(
        RunTrajectory(sigmas, denoiser, sampler, InferenceOnly(), start, noise));
  }
}
BENCHMARK_CAPTURE(SamplerSteps, euler, std::string("euler"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(SamplerSteps, dpmpp_2m, std::string("dpmpp_2m"))->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace draftp

BENCHMARK_MAIN();
