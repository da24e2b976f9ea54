// Several rewards as one: a weighted sum of its members.
#ifndef DRAFTP_REWARD_COMPOSITE_REWARD_H_
#define DRAFTP_REWARD_COMPOSITE_REWARD_H_

#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/objective/reward.h"
#include "draftp/reward/any_reward.h"
#include "draftp/reward/clip_reward.h"

namespace draftp {

// A reward r that counts as weight * (r - offset) * scale; the scale brings its unit to that of the
// others, the weight says how much it counts. One of weight 0 is scored, and not counted.
struct RewardMember {
  AnyReward reward;
  double weight = 1, offset = 0, scale = 1;
};

// sum over members of weight * (r - offset) * scale.
class CompositeReward {
 public:
  // As --reward has it.
  struct Spec {
    std::string path;
    double weight = 1, offset = 0, scale = 1;
  };

  // "DIR[:weight[:offset[:scale]]][,DIR...]". An error of one line that begins with "--reward" for
  // an empty folder, a number that isn't one or isn't finite, a fourth number, scale 0, and where
  // no weight differs from 0. A path with a colon or a comma can't be said.
  static absl::StatusOr<std::vector<Spec>> ParseSpecs(const std::string& text);

  // AnyReward::Load of each. Two of the same name are an error, since logs tell them apart by it.
  static absl::StatusOr<CompositeReward> Load(std::span<const Spec> specs,
                                              const ClipRewardOptions& options);

  // At least one member.
  explicit CompositeReward(std::vector<RewardMember> members);

  // From here on the layers of members with towers run by these pieces.
  void SetPieces(const AnyPiecePolicy& pieces);

  // One a member, each as the member's EncodeCaptions has it.
  std::vector<at::Tensor> EncodeCaptions(std::span<const std::string> captions) const;

  // Each member's own score [B], before offset and scale; `texts` as EncodeCaptions gives them.
  std::vector<at::Tensor> ScoreMembers(const at::Tensor& images,
                                       std::span<const at::Tensor> texts) const;

  // The sum [B] of the members' scores.
  at::Tensor Combine(std::span<const at::Tensor> scores) const;

  at::Tensor operator()(const at::Tensor& images, std::span<const std::string> captions) const;

  // "PickScore", or of several "PickScore+0.5*HPSv2.1".
  std::string name() const;
  const std::vector<RewardMember>& members() const { return members_; }

 private:
  std::vector<RewardMember> members_;
};

static_assert(Reward<CompositeReward>, "CompositeReward is a reward");

}  // namespace draftp

#endif  // DRAFTP_REWARD_COMPOSITE_REWARD_H_
