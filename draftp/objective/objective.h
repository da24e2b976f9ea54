// The concept Objective: which steps of a run train the network, what is decoded, and the loss of
// its reward.
#ifndef DRAFTP_OBJECTIVE_OBJECTIVE_H_
#define DRAFTP_OBJECTIVE_OBJECTIVE_H_

#include <ATen/core/Tensor.h>

#include <concepts>
#include <string>
#include <vector>

#include "draftp/objective/rollout.h"
#include "draftp/objective/step_random.h"

namespace draftp {

// o.Latents(rollout, random)  final latents to decode and score, one or more of [B,C,h,w], each
//                             with its graph. What it draws from `random` is the same for all
//                             images of a training step, whatever the micro batch.
// o.Loss(rewards)             [B] float32 -> scalar; the loss of the step is its mean over latents.
// o.fixed_window()            whether every micro batch of a run runs and trains the same steps and
//                             draws nothing, so that one recorded as a CUDA graph serves all.
// o.name()                    as --objective has it.
// An objective is a value: the same arguments give the same result.
template <class O, class R = internal::RolloutArchetype>
concept Objective =
    requires(const O& o, R& rollout, StepRandom& random, const at::Tensor& rewards) {
      { o.Latents(rollout, random) } -> std::same_as<std::vector<at::Tensor>>;
      { o.Loss(rewards) } -> std::same_as<at::Tensor>;
      { o.fixed_window() } -> std::same_as<bool>;
      { o.name() } -> std::convertible_to<std::string>;
    };

// What most objectives descend: -mean(r).
inline at::Tensor NegativeMean(const at::Tensor& rewards) { return -rewards.mean(); }

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_OBJECTIVE_H_
