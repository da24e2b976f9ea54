#include "draftp/run/earlier_run.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <filesystem>
#include <system_error>

#include "draftp/io/json_file.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

bool HasEntry(const fs::path& folder, const std::string& prefix) {
  std::error_code error;
  if (fs::symlink_status(folder, error).type() != fs::file_type::directory) return false;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (absl::StartsWith(entry->path().filename().string(), prefix)) return true;
  }
  return false;
}

// Whether it holds pictures, checkpoints or a log: not what a run that was killed at once left.
bool HasResults(const fs::path& dir) {
  std::error_code error;
  if (HasEntry(dir / "checkpoints", "step_")) return true;
  const fs::path log = dir / "log.jsonl";
  if (fs::symlink_status(log, error).type() == fs::file_type::regular &&
      fs::file_size(log, error) > 0) {
    return true;
  }
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    if (absl::StartsWith(entry->path().filename().string(), "annealed_outputs_sdxl_") &&
        HasEntry(entry->path(), "img_")) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> WeightTypes(const nlohmann::json& json) {
  const nlohmann::json::json_pointer place("/config/weight_type");
  std::vector<std::string> types;
  if (!json.contains(place) || !json.at(place).is_array()) return types;
  for (const auto& type : json.at(place)) {
    if (type.is_string()) types.push_back(type.get<std::string>());
  }
  return types;
}

}  // namespace

std::optional<EarlierRun> ReadEarlierRun(const std::string& dir) {
  const bool has_results = HasResults(dir);
  const auto json = ReadJsonFile(dir + "/run.json");
  EarlierRun run;
  if (!json.ok() || !json->is_object()) return has_results ? std::optional(run) : std::nullopt;
  if (const auto program = json->find("program"); program != json->end() && program->is_string())
    run.program = program->get<std::string>();
  if (const auto found = json->find("identity"); found != json->end()) {
    if (auto identity = RunIdentityFrom(*found); identity.ok()) run.identity = *std::move(identity);
  }
  run.weight_types = WeightTypes(*json);
  if (const auto result = json->find("result"); result != json->end()) run.result = *result;
  return has_results || !run.result.is_null() ? std::optional(run) : std::nullopt;
}

std::string NumberedFolder(const std::string& base, int number) {
  return number == 1 ? base : absl::StrCat(base, "_", number);
}

}  // namespace draftp
