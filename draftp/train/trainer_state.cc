#include "draftp/train/trainer_state.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <cmath>
#include <utility>

#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr size_t kMostText = size_t{1} << 20;  // bytes of a trainer.json
constexpr size_t kMostEntries = 1000;          // phases, changes

// Of the reader's object `key`, at most kMostEntries numbers from 0.
std::map<std::string, double> Seconds(JsonReader& json) {
  std::map<std::string, double> seconds;
  const nlohmann::json* const found = json.Find("seconds");
  if (found == nullptr) return seconds;
  bool valid = found->is_object() && found->size() <= kMostEntries;
  for (const auto& [phase, value] : found->items()) {
    valid = valid && value.is_number() && value.get<double>() >= 0 && phase.size() < 100;
    if (valid) seconds[phase] = value.get<double>();
  }
  if (!valid) json.Fail("seconds", "found another value, expected seconds by phase");
  return seconds;
}

std::vector<RunChange> Changes(JsonReader& json) {
  std::vector<RunChange> changes;
  const nlohmann::json* const found = json.Find("changes");
  if (found == nullptr) return changes;
  bool valid = found->is_array() && found->size() <= kMostEntries;
  for (size_t i = 0; valid && i < found->size(); ++i) {
    JsonReader change("change", found->at(i));
    changes.push_back({.step = change.IntBetween("step", 0, kMostSteps),
                       .what = Printable(change.String("what"), 1000)});
    valid = change.status().ok();
  }
  if (!valid) json.Fail("changes", "found another value, expected a list of steps and texts");
  return changes;
}

TrainerState State(JsonReader& json) {
  TrainerState state{.step = json.IntBetween("step", 0, kMostSteps),
                     .consumed_samples = json.IntBetween("consumed_samples", 0, INT64_MAX / 2),
                     .kl_coefficient = json.Double("kl_coefficient"),
                     .skipped_steps = json.IntBetween("skipped_steps", 0, kMostSteps),
                     .skipped_in_a_row = json.IntBetween("skipped_in_a_row", 0, kMostSteps),
                     .best_reward = json.OptionalDouble("best_reward"),
                     .best_step = json.IntBetween("best_step", 0, kMostSteps),
                     .best_held_out = json.OptionalDouble("best_held_out"),
                     .best_held_out_step = json.IntBetween("best_held_out_step", 0, kMostSteps, 0),
                     .held_out = json.String("held_out", ""),
                     .validation = json.String("validation", "")};
  if (!(state.kl_coefficient >= 0 && state.kl_coefficient <= 1e12))
    json.Fail("kl_coefficient", "found another value, expected a number from 0 to 1e12");
  for (const auto& [key, best] :
       {std::pair("best_reward", state.best_reward), {"best_held_out", state.best_held_out}}) {
    if (best && !std::isfinite(*best)) json.Fail(key, "found a value that isn't finite");
  }
  if (state.skipped_steps > state.step || state.best_step > state.step ||
      state.best_held_out_step > state.step || state.skipped_in_a_row > state.skipped_steps) {
    json.Fail("step", "found fewer steps than skipped or validated ones");
  }
  state.seconds = Seconds(json);
  state.changes = Changes(json);
  return state;
}

absl::Status Torn(const std::string& source, const std::string& what) {
  return absl::DataLossError(absl::StrCat(Printable(source, 4096), ": ", what));
}

}  // namespace

std::string ToJsonText(const CheckpointRecord& record) {
  const TrainerState& state = record.state;
  nlohmann::ordered_json json = {{"step", state.step},
                                 {"consumed_samples", state.consumed_samples},
                                 {"kl_coefficient", state.kl_coefficient},
                                 {"skipped_steps", state.skipped_steps},
                                 {"skipped_in_a_row", state.skipped_in_a_row},
                                 {"best_step", state.best_step},
                                 {"best_held_out_step", state.best_held_out_step},
                                 {"held_out", state.held_out},
                                 {"validation", state.validation},
                                 {"seconds", state.seconds}};
  if (state.best_reward) json["best_reward"] = *state.best_reward;
  if (state.best_held_out) json["best_held_out"] = *state.best_held_out;
  for (const RunChange& change : state.changes)
    json["changes"].push_back({{"step", change.step}, {"what", change.what}});
  nlohmann::ordered_json whole = {{"state", std::move(json)},
                                  {"optimizer_steps", record.optimizer_steps},
                                  {"full", record.full}};
  if (record.identity) whole["identity"] = ToJson(*record.identity);
  whole["config"] = record.config;
  return whole.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

absl::StatusOr<CheckpointRecord> ParseTrainerJson(const std::string& source,
                                                  std::string_view text) {
  if (text.size() > kMostText) {
    return Torn(source, absl::StrCat("found ", text.size(), " bytes, expected at most ", kMostText,
                                     " of a training run's state"));
  }
  const auto json = ParseJson(source, text);
  if (!json.ok()) return absl::DataLossError(json.status().message());
  const bool whole = json->is_object() && json->contains("state") && json->at("state").is_object();
  if (!whole)
    return Torn(source, "found no state of a training run, expected that of a whole checkpoint");
  JsonReader reader(source, *json);
  JsonReader state_reader(source + ": state", json->at("state"));
  CheckpointRecord record{.state = State(state_reader),
                          .optimizer_steps = reader.IntBetween("optimizer_steps", 0, kMostSteps),
                          .full = reader.Bool("full"),
                          .identity = std::nullopt};
  for (const JsonReader* read : {&state_reader, &reader}) {
    if (!read->status().ok()) return absl::DataLossError(read->status().message());
  }
  if (record.optimizer_steps > record.state.step)
    return Torn(source, "found more optimizer_steps than steps");
  if (const nlohmann::json* const config = reader.Find("config");
      config != nullptr && config->is_object()) {
    record.config = *config;
  } else {
    return Torn(source, "found no object config");
  }
  if (const nlohmann::json* const identity = reader.Find("identity")) {
    auto parsed = RunIdentityFrom(*identity);
    if (!parsed.ok()) return Torn(source, "identity: " + std::string(parsed.status().message()));
    record.identity = *std::move(parsed);
  }
  return record;
}

}  // namespace draftp
