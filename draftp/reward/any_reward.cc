// The kinds of rewards, each with how it is loaded.
#include "draftp/reward/any_reward.h"

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "draftp/io/json_file.h"
#include "draftp/model/config_checks.h"
#include "draftp/reward/analytic_rewards.h"
#include "draftp/reward/reward_json.h"

namespace draftp {
namespace {

struct Source {
  const std::string& path;
  const JsonReader& json;  // draftp_reward.json, of which "kind" has been read
  const ClipRewardOptions& options;
};

template <class R>
absl::StatusOr<AnyReward> FromJson(const Source& source) {
  absl::StatusOr<R> reward = R::FromJson(source.json);
  if (!reward.ok()) return reward.status();
  return AnyReward(*std::move(reward));
}

absl::StatusOr<AnyReward> FromClip(const std::string& path, const ClipRewardOptions& options) {
  absl::StatusOr<ClipReward> reward = ClipReward::Load(path, options);
  if (!reward.ok()) return reward.status();
  return AnyReward(*std::move(reward));
}

absl::StatusOr<AnyReward> FromClip(const Source& source) {
  return FromClip(source.path, source.options);
}

struct Kind {
  std::string_view name;
  absl::StatusOr<AnyReward> (*load)(const Source& source);
};

// A new reward adds its line here.
constexpr Kind kKinds[] = {
    {"pickscore", FromClip},
    {"hpsv2", FromClip},
    {"clip_score", FromClip},
    {"brightness", FromJson<BrightnessReward>},
    {"target_colour", FromJson<TargetColourReward>},
};

}  // namespace

std::vector<std::string> AnyReward::Kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

absl::StatusOr<AnyReward> AnyReward::Load(const std::string& path,
                                          const ClipRewardOptions& options) {
  absl::StatusOr<std::optional<JsonReader>> json = OpenRewardJson(path);
  if (!json.ok()) return json.status();
  if (!json->has_value()) return FromClip(path, options);
  JsonReader& reader = **json;
  const std::string name = StringOneOf(reader, "kind", Kinds());
  if (!reader.status().ok()) return reader.status();
  for (const Kind& kind : kKinds) {
    if (kind.name == name) return kind.load({path, reader, options});
  }
  return absl::InternalError("a kind without a line in the table");
}

}  // namespace draftp
