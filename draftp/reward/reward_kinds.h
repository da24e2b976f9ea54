// The kinds of rewards that draftp_reward.json can name, each with how it is loaded.
#ifndef DRAFTP_REWARD_REWARD_KINDS_H_
#define DRAFTP_REWARD_REWARD_KINDS_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "draftp/io/json_file.h"
#include "draftp/reward/analytic_rewards.h"
#include "draftp/reward/any_reward.h"
#include "draftp/reward/clip_reward.h"
#include "draftp/schedule/registry.h"

namespace draftp {

// Where a reward is loaded from.
struct RewardSource {
  const std::string& path;
  const JsonReader& json;  // draftp_reward.json there, of which "kind" has been read
  const ClipRewardOptions& options;
};

// Names in lower case, with underscores.
using RewardKind = Registered<absl::StatusOr<AnyReward>, RewardSource>;
using RewardKinds = Registry<absl::StatusOr<AnyReward>, RewardSource>;

// R::FromJson(JsonReader) -> absl::StatusOr<R>: of a reward that the JSON says in full.
template <class R>
absl::StatusOr<AnyReward> FromJson(const RewardSource& source) {
  absl::StatusOr<R> reward = R::FromJson(source.json);
  if (!reward.ok()) return reward.status();
  return AnyReward(*std::move(reward));
}

// ClipReward::Load, which reads the kind again.
absl::StatusOr<AnyReward> FromClip(const RewardSource& source);

// A new reward adds its line here.
inline constexpr RewardKind kRewardMembers[] = {
    {"pickscore", FromClip},
    {"hpsv2", FromClip},
    {"clip_score", FromClip},
    {"brightness", FromJson<BrightnessReward>},
    {"target_colour", FromJson<TargetColourReward>},
};
inline constexpr RewardKinds kRewardKinds(kRewardMembers);

// AnyReward::Load with another table: for programs with rewards of their own.
absl::StatusOr<AnyReward> LoadReward(const std::string& path, const ClipRewardOptions& options,
                                     const RewardKinds& kinds);

}  // namespace draftp

#endif  // DRAFTP_REWARD_REWARD_KINDS_H_
