// A composite reward as a training step calls it: captions encoded beforehand, the gradient by the
// images taken member by member.
#ifndef DRAFTP_REWARD_ENCODED_REWARD_H_
#define DRAFTP_REWARD_ENCODED_REWARD_H_

#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "draftp/objective/reward.h"
#include "draftp/objective/scored_reward.h"
#include "draftp/reward/composite_reward.h"

namespace draftp {

// Scores against the texts that it was given last, whatever the captions of the call, and keeps
// what its members said. For one thread; the reward must outlive it.
class EncodedReward {
 public:
  explicit EncodedReward(const CompositeReward& reward) : reward_(reward) {
    for (const RewardMember& member : reward.members())
      factors_.push_back(member.weight * member.scale);
  }

  // Of the members, as CompositeReward::EncodeCaptions gives them.
  void SetTexts(std::vector<at::Tensor> texts) { texts_ = std::move(texts); }

  at::Tensor operator()(const at::Tensor& images, std::span<const std::string> /*captions*/) const {
    MemberScores scores;
    at::Tensor reward = ScoreWithGradient(
        images, [this](const at::Tensor& pixels) { return reward_.ScoreMembers(pixels, texts_); },
        [this](std::span<const at::Tensor> each) { return reward_.Combine(each); }, factors_,
        scores);
    scores_.Append(scores);
    return reward;
  }
  std::string name() const { return reward_.name(); }

  // Of all images since the last call.
  MemberScores TakeScores() { return std::exchange(scores_, {}); }

 private:
  const CompositeReward& reward_;
  std::vector<double> factors_;
  std::vector<at::Tensor> texts_;
  mutable MemberScores scores_;
};

static_assert(Reward<EncodedReward>, "EncodedReward does not satisfy Reward");

}  // namespace draftp

#endif  // DRAFTP_REWARD_ENCODED_REWARD_H_
