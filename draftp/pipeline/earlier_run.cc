#include "draftp/pipeline/earlier_run.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <filesystem>
#include <system_error>

#include "draftp/io/json_file.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

// Names that only a run makes, besides run.json.
bool HasResults(const std::string& dir) {
  std::error_code error;
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code unknown;
    if (name == "log.jsonl" || (absl::StartsWith(name, "annealed_outputs_sdxl_") &&
                                !fs::is_empty(entry->path(), unknown))) {
      return true;
    }
    if (name == "checkpoints" && entry->is_directory(unknown)) {
      for (fs::directory_iterator step(entry->path(), unknown); !unknown && step != end;
           step.increment(unknown)) {
        if (absl::StartsWith(step->path().filename().string(), "step_")) return true;
      }
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
  std::error_code error;
  if (!fs::exists(dir + "/run.json", error))
    return HasResults(dir) ? std::optional(EarlierRun{}) : std::nullopt;
  const auto json = ReadJsonFile(dir + "/run.json");
  EarlierRun run;
  if (!json.ok() || !json->is_object()) return run;
  if (const auto program = json->find("program"); program != json->end() && program->is_string())
    run.program = program->get<std::string>();
  if (const auto found = json->find("identity"); found != json->end()) {
    if (auto identity = RunIdentityFrom(*found); identity.ok()) run.identity = *std::move(identity);
  }
  run.weight_types = WeightTypes(*json);
  if (const auto result = json->find("result"); result != json->end()) run.result = *result;
  return run;
}

std::string NumberedFolder(const std::string& base, int number) {
  return number == 1 ? base : absl::StrCat(base, "_", number);
}

}  // namespace draftp
