// The loss of one micro batch of DRaFT+: rollout, KL, decode, reward.
#ifndef DRAFTP_OBJECTIVE_DRAFT_LOSS_H_
#define DRAFTP_OBJECTIVE_DRAFT_LOSS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>

#include <concepts>
#include <utility>
#include <vector>

#include "draftp/objective/decoder.h"
#include "draftp/objective/objective.h"

namespace draftp {

// What a micro batch gave. Only `loss` has a graph.
struct DraftLoss {
  at::Tensor loss;     // scalar
  at::Tensor kl;       // scalar
  at::Tensor rewards;  // [copies * B], the objective's copies one after the other
  at::Tensor clamped;  // scalar: share of pixels outside [0,255] before they were clamped
};

// loss = objective.Loss(r) averaged over the objective's latents + kl_coefficient * KL, where KL is
// kl.Mean() after the rollout, whose tap `kl` is (or an untouched one, which gives 0):
//   decode(latents [B,C,h,w]) -> DecodedImage (decoder.h);  score(pixels) -> [B] float32.
// Decoder and reward may be on another device than the latents: what they give comes back to
// theirs, and gradients go the same way.
// `mark(phase)` is called as the phases "decode", "reward" and "loss" end.
template <Objective O, class R, class Kl, Decoder D, class Score, class Mark>
DraftLoss ComputeDraftLoss(const O& objective, R& rollout, StepRandom& random, const Kl& kl,
                           double kl_coefficient, D& decode, Score&& score, Mark&& mark) {
  const std::vector<at::Tensor> latents = objective.Latents(rollout, random);
  mark("gradient_steps");
  const auto copies = static_cast<double>(latents.size());
  at::Tensor loss, clamped;
  std::vector<at::Tensor> rewards;
  for (const at::Tensor& end : latents) {
    const DecodedImage image = decode(end);
    mark("decode");
    const at::Tensor reward = score(image.pixels).to(end.device());
    mark("reward");
    const at::Tensor part = objective.Loss(reward) / copies;
    loss = loss.defined() ? loss + part : part;
    const at::Tensor share = image.clamped.to(end.device()) / copies;
    clamped = clamped.defined() ? clamped + share : share;
    rewards.push_back(reward.detach());
  }
  const at::Tensor divergence = kl.Mean();
  if (kl_coefficient != 0.0) loss = loss + kl_coefficient * divergence;
  return {.loss = loss,
          .kl = divergence.detach(),
          .rewards = at::cat(rewards),
          .clamped = clamped.detach()};
}

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_DRAFT_LOSS_H_
