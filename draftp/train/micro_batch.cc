#include "draftp/train/micro_batch.h"

#include <ATen/ops/cat.h>

namespace draftp {

void MicroBatchResult::Add(const MicroBatchResult& other, double share) {
  const auto add = [share](at::Tensor& sum, const at::Tensor& term) {
    sum = sum.defined() ? sum + term * share : term * share;
  };
  add(loss, other.loss);
  add(reward, other.reward);
  add(kl, other.kl);
  add(clamped, other.clamped);
  rewards = rewards.defined() ? at::cat({rewards, other.rewards}) : other.rewards;
  member_rewards.resize(other.member_rewards.size());
  member_gradients.resize(other.member_gradients.size());
  for (size_t m = 0; m < other.member_rewards.size(); ++m)
    add(member_rewards[m], other.member_rewards[m]);
  for (size_t m = 0; m < other.member_gradients.size(); ++m)
    add(member_gradients[m], other.member_gradients[m]);
  gradients.resize(other.gradients.size());
  for (size_t i = 0; i < gradients.size(); ++i) {
    const at::Tensor& gradient = other.gradients[i];
    if (gradient.defined())
      gradients[i] = gradients[i].defined() ? gradients[i] + gradient : gradient;
  }
}

}  // namespace draftp
