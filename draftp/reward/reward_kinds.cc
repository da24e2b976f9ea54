#include "draftp/reward/reward_kinds.h"

#include <optional>

#include "absl/status/status.h"
#include "draftp/io/config_checks.h"
#include "draftp/reward/reward_json.h"

namespace draftp {
namespace {

absl::StatusOr<AnyReward> LoadClip(const std::string& path, const ClipRewardOptions& options) {
  absl::StatusOr<ClipReward> reward = ClipReward::Load(path, options);
  if (!reward.ok()) return reward.status();
  return AnyReward(*std::move(reward));
}

}  // namespace

absl::StatusOr<AnyReward> FromClip(const RewardSource& source) {
  return LoadClip(source.path, source.options);
}

absl::StatusOr<AnyReward> LoadReward(const std::string& path, const ClipRewardOptions& options,
                                     const RewardKinds& kinds) {
  absl::StatusOr<std::optional<JsonReader>> json = OpenRewardJson(path);
  if (!json.ok()) return json.status();
  if (!json->has_value()) return LoadClip(path, options);
  JsonReader& reader = **json;
  const RewardKind* const kind = kinds.Find(StringOneOf(reader, "kind", kinds.Names()));
  return reader.status().ok() ? kind->make({path, reader, options}) : reader.status();
}

absl::StatusOr<AnyReward> AnyReward::Load(const std::string& path,
                                          const ClipRewardOptions& options) {
  return LoadReward(path, options, kRewardKinds);
}

}  // namespace draftp
