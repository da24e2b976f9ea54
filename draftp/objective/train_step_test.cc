// The training step over models that are just what its concepts ask for, against the loss written
// out in float64 and its finite differences.
#include "draftp/objective/train_step.h"

#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "draftp/objective/draft_k.h"
#include "draftp/objective/draft_lv.h"
#include "draftp/sampling/euler_edm.h"
#include "draftp/sampling/heun_edm.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;
using testing::IsEqualTo;

struct NotADecoder {
  at::Tensor operator()(const at::Tensor& latents);
};
struct ReadOnlyDecoder {
  void operator()(const at::Tensor& latents);
};
static_assert(!Decoder<NotADecoder>);
static_assert(!Decoder<ReadOnlyDecoder>);

// D(x; l) = a x + b tanh(x + theta) with theta for the trained model, l for its level's share.
struct ShiftedDenoiser {
  at::Tensor theta;
  at::Tensor operator()(const at::Tensor& x, double level, const StepContext&) {
    return x / (1.0 + level * level) + 0.3 * (x + theta).tanh();
  }
};

// Pixels of [0,255] from latents, some of them clamped.
struct SineDecoder {
  DecodedImage operator()(const at::Tensor& latents) {
    const at::Tensor wide = 128 + 160 * latents.sin();
    return {wide.clamp(0, 255), wide.detach().lt(0).to(at::kDouble).mean()};
  }
};
static_assert(Decoder<SineDecoder>);

struct Brightness {
  at::Tensor operator()(const at::Tensor& images, std::span<const std::string> captions) const {
    TORCH_CHECK(images.size(0) == static_cast<int64_t>(captions.size()), "a caption an image");
    return (images / 255).square().mean({1, 2, 3}) * static_cast<double>(captions[0].size());
  }
  std::string name() const { return "brightness"; }
};
static_assert(Reward<Brightness>);

// The run's noise, the same in every call.
struct FixedNoise {
  int drawn = 0;
  at::Tensor Initial(at::IntArrayRef) { TORCH_CHECK(false, "the start is given"); }
  at::Tensor Like(const at::Tensor& x) { return (x.detach() * (3.1 + drawn++)).sin(); }
};

const std::array<std::string, 2> kCaptions = {"ab", "cd"};
const std::vector<double> kLevels = {3.0, 1.6, 0.7, 0.0};

at::Tensor Start() { return at::linspace(-1.5, 1.2, 24, at::kDouble).view({2, 3, 2, 2}); }
at::Tensor Theta() { return at::full({3, 1, 1}, 0.2, at::kDouble); }

struct Outcome {
  StepResult result;
  at::Tensor gradient;  // by theta
};

template <class O, class S>
Outcome RunStep(const O& objective, const S& sampler, double kl_coefficient, double share = 1.0,
                const std::vector<double>& levels = kLevels) {
  const at::Tensor theta = Theta().requires_grad_();
  ShiftedDenoiser tuned{theta}, base{Theta() * 0};
  SineDecoder decoder;
  Brightness reward;
  TrainStep step{.sigmas = levels,
                 .sampler = sampler,
                 .tuned = tuned,
                 .base = base,
                 .decoder = decoder,
                 .reward = reward,
                 .leaves = {theta}};
  FixedNoise noise;
  StepRandom random(1, 0, "objective");
  GradientSum sum;
  Outcome outcome{
      step.Run(objective, Start(), noise, random, kCaptions, kl_coefficient, share, sum), {}};
  outcome.gradient = sum.Take().at(0);
  return outcome;
}

// -r + 0.5 KL of three Euler steps, written out. KL: the mean over steps and elements of the
// squared difference of the noise estimates (x - alpha D)/level, the base's at a constant x.
at::Tensor WrittenOut(const at::Tensor& theta, const at::Tensor& base_at, double alpha_slope,
                      const std::vector<double>& levels, double start_factor) {
  const auto denoised = [](const at::Tensor& x, const at::Tensor& shift, double level) {
    return x / (1.0 + level * level) + 0.3 * (x + shift).tanh();
  };
  at::Tensor x = Start() * start_factor, held = x, kl = at::zeros({}, at::kDouble);
  for (int i = 0; i < 3; ++i) {
    const double level = levels[i], alpha = 1.0 - alpha_slope * level;
    const at::Tensor d = denoised(x, theta, level);
    const at::Tensor eps = (x - alpha * d) / level;
    // `held` follows the run of `base_at`, so that differences by theta don't see it move.
    const at::Tensor constant = (held - alpha * denoised(held, Theta() * 0, level)) / level;
    kl = kl + (eps - constant).square().mean() / 3;
    x = x + (levels[i + 1] - level) * (x - d) / level;
    held = held + (levels[i + 1] - level) * (held - denoised(held, base_at, level)) / level;
  }
  const at::Tensor pixels = (128 + 160 * x.sin()).clamp(0, 255);
  return -(pixels / 255).square().mean() * 2 + 0.5 * kl;
}

TEST(TrainStep, HasTheLossAndTheGradientOfTheFormula) {
  const Outcome outcome = RunStep(DraftK(3), EulerEdm(), 0.5);
  const double factor = std::sqrt(1 + kLevels[0] * kLevels[0]);
  const auto loss = [&](const at::Tensor& theta) {
    return WrittenOut(theta, Theta(), 0.0, kLevels, factor);
  };
  EXPECT_THAT(outcome.result.loss, IsCloseTo(loss(Theta()), 1e-12));
  EXPECT_GT(outcome.result.kl.item<double>(), 1e-4);
  EXPECT_LT(testing::GradientError(loss, Theta()), 1e-6);
  const at::Tensor theta = Theta().requires_grad_();
  EXPECT_THAT(outcome.gradient, IsCloseTo(torch::autograd::grad({loss(theta)}, {theta})[0], 1e-12));
}

// The same on straight paths: alpha = 1 - t, from pure noise at t = 1.
TEST(TrainStep, HasThemOnARectifiedFlow) {
  const std::vector<double> levels = {1.0, 0.7, 0.3, 0.0};
  const Outcome outcome = RunStep(DraftK(3), EulerEdm<RectifiedFlow>(), 0.5, 1.0, levels);
  const auto loss = [&](const at::Tensor& theta) {
    return WrittenOut(theta, Theta(), 1.0, levels, 1.0);
  };
  EXPECT_THAT(outcome.result.loss, IsCloseTo(loss(Theta()), 1e-12));
  EXPECT_GT(outcome.result.kl.item<double>(), 1e-4);
  EXPECT_LT(testing::GradientError(loss, Theta()), 1e-6);
  const at::Tensor theta = Theta().requires_grad_();
  EXPECT_THAT(outcome.gradient, IsCloseTo(torch::autograd::grad({loss(theta)}, {theta})[0], 1e-12));
}

// The copies of DRaFT-LV are the end brought back to the last level: (1 - t) x_N + t eps.
TEST(TrainStep, RenoisesAsTheSamplersProcess) {
  const std::vector<double> levels = {1.0, 0.7, 0.3, 0.0};
  const Outcome outcome = RunStep(DraftLv(2), EulerEdm<RectifiedFlow>(), 0.0, 1.0, levels);
  const at::NoGradGuard no_grad;
  ShiftedDenoiser tuned{Theta()};
  at::Tensor x = Start();
  for (int i = 0; i < 3; ++i)
    x = x + (levels[i + 1] - levels[i]) * (x - tuned(x, levels[i], {})) / levels[i];
  FixedNoise noise;
  std::vector<at::Tensor> rewards;
  for (int copy = 0; copy < 2; ++copy) {
    const at::Tensor noised = 0.7 * x + 0.3 * noise.Like(x);
    rewards.push_back(Brightness()(SineDecoder()(tuned(noised, 0.3, {})).pixels, kCaptions));
  }
  EXPECT_THAT(outcome.result.rewards, IsCloseTo(at::cat(rewards), 1e-12));
}

TEST(TrainStep, TheSinkGetsItsShare) {
  const Outcome whole = RunStep(DraftK(1), HeunEdm(), 0.1);
  const Outcome quarter = RunStep(DraftK(1), HeunEdm(), 0.1, 0.25);
  EXPECT_THAT(quarter.gradient, IsCloseTo(whole.gradient * 0.25, 1e-14));
  EXPECT_THAT(quarter.result.loss, IsEqualTo(whole.result.loss));
}

TEST(TrainStep, TruncationLeavesEarlierStepsWithoutGradient) {
  // Trained in the last step alone, earlier steps are constants: their gradient is what is missing.
  const Outcome last = RunStep(DraftK(1), EulerEdm(), 0.0),
                all = RunStep(DraftK(3), EulerEdm(), 0.0);
  EXPECT_THAT(last.result.loss, IsCloseTo(all.result.loss, 1e-14));
  EXPECT_GT(testing::RelativeError(last.gradient, all.gradient), 1e-3);
}

TEST(StepResult, AddsMeansByTheirShareAndKeepsRewards) {
  const auto of = [](double value) {
    const at::Tensor scalar = at::full({}, value, at::kDouble);
    return StepResult{scalar, scalar + 1, scalar + 2, scalar + 3,
                      at::full({2}, value, at::kDouble)};
  };
  StepResult mean;
  mean.Add(of(4), 0.25);
  mean.Add(of(8), 0.75);
  EXPECT_EQ(mean.loss.item<double>(), 7);
  EXPECT_EQ(mean.clamped.item<double>(), 10);
  EXPECT_EQ(mean.rewards.numel(), 4);
}

}  // namespace
}  // namespace draftp
