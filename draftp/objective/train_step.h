// The training step of DRaFT+ over any model: a micro batch from noise to gradients.
#ifndef DRAFTP_OBJECTIVE_TRAIN_STEP_H_
#define DRAFTP_OBJECTIVE_TRAIN_STEP_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "draftp/objective/decoder.h"
#include "draftp/objective/draft_loss.h"
#include "draftp/objective/gaussian_kl.h"
#include "draftp/objective/gradient_sink.h"
#include "draftp/objective/objective.h"
#include "draftp/objective/reward.h"
#include "draftp/objective/rollout.h"
#include "draftp/objective/step_random.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"

namespace draftp {

// Means over the images of a micro batch; scalars on the device, float32 or float64, without a
// graph and not waited for.
struct StepResult {
  at::Tensor loss, reward, kl;
  at::Tensor clamped;  // share of pixels outside [0,255] before they were clamped
  at::Tensor rewards;  // [copies * B]

  // Adds `share` of another micro batch's means, and its rewards behind these.
  void Add(const StepResult& other, double share) {
    const auto add = [share](at::Tensor& sum, const at::Tensor& term) {
      sum = sum.defined() ? sum + term * share : term * share;
    };
    add(loss, other.loss);
    add(reward, other.reward);
    add(kl, other.kl);
    add(clamped, other.clamped);
    rewards = rewards.defined() ? at::cat({rewards, other.rewards}) : other.rewards;
  }
};

// What stays the same over a training run. `tuned` computes with the tensors `leaves`; `base` is
// what KL holds it near (without_adapters.h for adapters). All references must outlive it.
//
//   TrainStep step{.sigmas = levels, .sampler = EulerEdm(), .tuned = tuned, .base = base,
//                  .decoder = decoder, .reward = reward, .leaves = parameters};
//   PerImageNoise noise(seed, images);
//   StepRandom random(seed, index, "objective");
//   StepResult result = step.Run(DraftK(2), noise.Initial(shape), noise, random, captions,
//                                /*kl_coefficient=*/0.01, /*share=*/1.0, optimizer);
template <Sampler S, Denoiser Tuned, Denoiser Base, Decoder D, Reward R>
struct TrainStep {
  std::vector<double> sigmas;  // N + 1 descending noise levels, the last 0
  S sampler;                   // and with it the noise process
  Tuned& tuned;
  Base& base;
  D& decoder;
  R& reward;
  std::vector<at::Tensor> leaves;  // what is trained: they need gradients
  KlWeight kl_weight = KlWeight::kOne;
  // Told as "rollout", "gradient_steps", "decode", "reward" and "backward" end.
  std::function<void(const char* phase)> on_phase = {};

  // Forward and backward of B images: start [B,C,h,w] ~ N(0,1) on the model's device; `noise` goes
  // on inside the run; `random` draws what the objective draws; a caption an image. The sink gets
  // the gradients of `share` times loss = objective's loss + kl_coefficient KL.
  template <Objective O, NoiseSource N, GradientSink G>
  StepResult Run(const O& objective, const at::Tensor& start, N& noise, StepRandom& random,
                 std::span<const std::string> captions, double kl_coefficient, double share,
                 G&& sink) {
    GaussianKl kl(base, kl_weight, ProcessOf(sampler));
    Rollout rollout(sigmas, tuned, sampler, start, noise, kl);
    bool before_gradient = true;
    rollout.OnStep([&](StepAction action) {
      if (action.gradient == GradientMode::kNone || !before_gradient) return;
      before_gradient = false;
      Ended("rollout");
    });
    const DraftLoss result = ComputeDraftLoss(
        objective, rollout, random, kl, kl_coefficient, decoder,
        [&](const at::Tensor& pixels) { return std::as_const(reward)(pixels, captions); },
        [this](const char* phase) { Ended(phase); });
    sink.Add(0, torch::autograd::grad({result.loss * share}, leaves, {}, /*retain_graph=*/false,
                                      /*create_graph=*/false, /*allow_unused=*/true));
    sink.Finish();
    Ended("backward");
    return {.loss = result.loss.detach(),
            .reward = result.rewards.mean(),
            .kl = result.kl,
            .clamped = result.clamped,
            .rewards = result.rewards};
  }

 private:
  void Ended(const char* phase) const {
    if (on_phase) on_phase(phase);
  }
};

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_TRAIN_STEP_H_
