// Fine-tunes one's own denoiser by DRaFT+: DRaFT-K under a KL term, as a diffusion model whose
// variance explodes and as a rectified flow.
#include <ATen/Parallel.h>

#include <array>
#include <cstdio>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "draftp/objective/objectives.h"
#include "draftp/sampling/sampling.h"
#include "model.h"

// x = picture + sigma eps.
struct Diffusion {
  const Network* network;
  static at::Tensor Denoise(const Network& f, const at::Tensor& x, const at::Tensor& sigma) {
    return (x + sigma * f(x / (1 + sigma.square()).sqrt(), sigma.log() / 4)) / (1 + sigma.square());
  }
  at::Tensor operator()(const at::Tensor& x, double sigma, const draftp::StepContext&) const {
    return Denoise(*network, x, at::full({1, 1, 1, 1}, sigma));
  }
};

// x = (1 - t) picture + t eps: the network gives the velocity, picture = x - t v.
struct Flow {
  const Network* network;
  static at::Tensor Denoise(const Network& f, const at::Tensor& x, const at::Tensor& t) {
    return x - t * f(x, t);
  }
  at::Tensor operator()(const at::Tensor& x, double t, const draftp::StepContext&) const {
    return Denoise(*network, x, at::full({1, 1, 1, 1}, t));
  }
};

struct ToPixels {
  draftp::DecodedImage operator()(const at::Tensor& latents) {
    const at::Tensor wide = latents.expand({-1, 3, -1, -1}) * 127.5 + 127.5;
    return {wide.clamp(0, 255), ((wide < 0) | (wide > 255)).to(at::kFloat).mean()};
  }
};

struct Brightness {  // 0 black, 1 white
  at::Tensor operator()(const at::Tensor& images, std::span<const std::string>) const {
    return images.mean({1, 2, 3}) / 255;
  }
  std::string name() const { return "brightness"; }
};

struct AdamSink {  // an optimiser step for each micro batch
  Adam adam;
  void Add(size_t, std::vector<at::Tensor> gradients) { adam.Step(gradients); }
  void Finish() {}
};

// Prints the mean reward of 64 pictures before and after; whether it rose.
template <class Model, class S>
bool FineTune(const char* name, const Network& trained, S sampler, std::vector<double> levels) {
  Network network = trained.Copy();
  const Model base{&trained};
  Model tuned{&network};
  ToPixels decoder;
  const Brightness reward;
  draftp::TrainStep step{.sigmas = levels,
                         .sampler = sampler,
                         .tuned = tuned,
                         .base = base,
                         .decoder = decoder,
                         .reward = reward,
                         .leaves = network.parameters};
  const auto mean_reward = [&] {
    const at::NoGradGuard no_grad;
    std::vector<int64_t> images(64);
    std::iota(images.begin(), images.end(), 1'000'000);  // not those of the training
    draftp::PerImageNoise noise(/*seed=*/5, images);
    const at::Tensor latents = draftp::RunTrajectory(
        levels, tuned, sampler, draftp::InferenceOnly(), noise.Initial({64, 1, 8, 8}), noise);
    return reward(decoder(latents).pixels, {}).mean().item<double>();
  };
  const double before = mean_reward();
  AdamSink sink{Adam(network.parameters, 1e-3)};
  for (int64_t i = 0; i < 60; ++i) {
    std::array<int64_t, 16> images;
    std::iota(images.begin(), images.end(), 16 * i);
    draftp::PerImageNoise noise(/*seed=*/5, images);
    draftp::StepRandom random(/*seed=*/5, i, "objective");
    step.Run(draftp::DraftK(2), noise.Initial({16, 1, 8, 8}), noise, random, {},
             /*kl_coefficient=*/0.02, /*share=*/1.0, sink);
  }
  const double after = mean_reward();
  std::printf("%s: reward %.3f before, %.3f after\n", name, before, after);
  return after > before + 0.05;
}

int main() {
  at::set_num_threads(1);  // of products this small
  const Network diffusion = Train(
      [](const at::Tensor& pictures, at::Generator random) {
        const at::Tensor sigma = (at::randn({pictures.size(0), 1, 1, 1}, random) * 1.5).exp();
        return Noised{pictures + sigma * at::randn(pictures.sizes(), random), sigma};
      },
      [](const Network& f, const Noised& in) { return Diffusion::Denoise(f, in.x, in.level); });
  const Network flow = Train(
      [](const at::Tensor& pictures, at::Generator random) {
        const at::Tensor t = at::rand({pictures.size(0), 1, 1, 1}, random);
        return Noised{(1 - t) * pictures + t * at::randn(pictures.sizes(), random), t};
      },
      [](const Network& f, const Noised& in) { return Flow::Denoise(f, in.x, in.level); });
  const bool rose =
      FineTune<Diffusion>("diffusion", diffusion, draftp::HeunEdm(), {10, 4, 1.5, 0.6, 0.2, 0}) &
      FineTune<Flow>("rectified flow", flow, draftp::EulerEdm<draftp::RectifiedFlow>(),
                     {1, 0.85, 0.7, 0.5, 0.3, 0.1, 0});
  return rose ? 0 : 1;
}
