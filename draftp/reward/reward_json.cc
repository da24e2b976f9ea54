#include "draftp/reward/reward_json.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace draftp {

namespace fs = std::filesystem;

std::string RewardFolder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error) ? path : fs::path(path).parent_path().string();
}

absl::StatusOr<std::optional<JsonReader>> OpenRewardJson(const std::string& path) {
  const std::string file = (fs::path(RewardFolder(path)) / "draftp_reward.json").string();
  std::error_code error;
  if (!fs::exists(fs::symlink_status(file, error))) return std::nullopt;
  absl::StatusOr<JsonReader> json = JsonReader::Open(file);
  if (!json.ok()) return json.status();
  return *std::move(json);
}

}  // namespace draftp
