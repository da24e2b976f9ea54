#include "draftp/reward/reward_kinds.h"

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "draftp/model/config_checks.h"
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
                                     std::span<const RewardKind> kinds) {
  absl::StatusOr<std::optional<JsonReader>> json = OpenRewardJson(path);
  if (!json.ok()) return json.status();
  if (!json->has_value()) return LoadClip(path, options);
  JsonReader& reader = **json;
  std::vector<std::string> names;
  for (const RewardKind& kind : kinds) names.emplace_back(kind.name);
  const std::string name = StringOneOf(reader, "kind", names);
  if (!reader.status().ok()) return reader.status();
  for (const RewardKind& kind : kinds) {
    if (kind.name == name) return kind.load({path, reader, options});
  }
  return absl::InternalError("a kind without a line in the table");
}

absl::StatusOr<AnyReward> AnyReward::Load(const std::string& path,
                                          const ClipRewardOptions& options) {
  return LoadReward(path, options, kRewardKinds);
}

}  // namespace draftp
