#include "draftp/train/training_log.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "draftp/config/config_row.h"
#include "draftp/io/printable.h"
#include "draftp/run/progress.h"

namespace draftp {
namespace {

using Json = nlohmann::ordered_json;

double Now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json Side(const ValidationSide& side) {
  Json json = {{"reward", Number(side.reward)},
               {"held_out", Number(side.held_out)},
               {"diversity", Number(side.diversity)},
               {"clamped", Number(side.clamped)}};
  for (const auto& [name, value] : side.rewards) json["rewards"][name] = Number(value);
  for (const auto& [name, value] : side.held_out_rewards)
    json["held_out_rewards"][name] = Number(value);
  return json;
}

// The settings that runs are compared by.
std::vector<EventFile::Hparam> Hparams(
    const std::vector<std::pair<std::string, ConfigValue>>& settings) {
  static const std::set<std::string> kCompared = {"objective",
                                                  "truncation_steps",
                                                  "kl_coeff",
                                                  "kl_weight",
                                                  "lr",
                                                  "lr_schedule",
                                                  "warmup_steps",
                                                  "weight_decay",
                                                  "betas",
                                                  "peft_scheme",
                                                  "lora_rank",
                                                  "lora_alpha",
                                                  "target_modules",
                                                  "reward",
                                                  "steps",
                                                  "guidance_scale",
                                                  "sampler",
                                                  "discretization",
                                                  "global_batch_size",
                                                  "max_steps",
                                                  "seed",
                                                  "gradient_clip_val",
                                                  "ema",
                                                  "height",
                                                  "width"};
  std::vector<EventFile::Hparam> hparams;
  for (const auto& [key, value] : settings) {
    if (!kCompared.contains(key)) continue;
    const std::string text = PlainText(value);
    const auto number = ParseFiniteDouble(text);
    if (value.kind == ConfigValue::Kind::kNumber && number) {
      hparams.emplace_back(key, *number);
    } else if (value.kind == ConfigValue::Kind::kBool) {
      hparams.emplace_back(key, text == "true");
    } else {
      hparams.emplace_back(key, text);
    }
  }
  return hparams;
}

// A block of code in Markdown, which the text plugin renders.
std::string SettingsText(const std::vector<std::pair<std::string, ConfigValue>>& settings) {
  std::string text;
  for (const auto& [key, value] : settings)
    absl::StrAppendFormat(&text, "    %-24s %s\n", key, Printable(PlainText(value), 4096));
  return text;
}

absl::Status AddSettings(const TrainingLog::Options& options, EventFile& events) {
  const double now = Now();
  if (absl::Status s = events.AddHparams(now, Hparams(options.settings)); !s.ok()) return s;
  return events.AddText("settings", options.first_step, now, SettingsText(options.settings));
}

Json ToJson(const StepRecord& record) {
  Json json = {{"step", record.step},
               {"reward", Number(record.reward)},
               {"kl", Number(record.kl)},
               {"grad_norm", Number(record.grad_norm)},
               {"loss", Number(record.loss)},
               {"seconds", Number(record.seconds)},
               {"lr", record.lr},
               {"kl_coefficient", record.kl_coefficient},
               {"clamped", Number(record.clamped)},
               {"consumed_samples", record.consumed_samples},
               {"skipped", record.skipped},
               {"memory_mib", record.memory_mib}};
  for (const auto& [name, value] : record.rewards) json["rewards"][name] = Number(value);
  for (const auto& [name, value] : record.reward_norms)
    json["reward_gradients"][name] = Number(value);
  for (const auto& [phase, seconds] : record.phases) json["phase_seconds"][phase] = seconds;
  return json;
}

}  // namespace

std::string DescribeValidation(const ValidationRecord& record) {
  const auto& [tuned, base, gains, drift, held_out_name] = record.scores;
  std::string line = absl::StrFormat("validation at step %d:", record.step);
  const char* separator = " ";
  const auto add = [&](const std::string& name, double value, double of_base) {
    if (!std::isfinite(value)) return;
    absl::StrAppendFormat(&line, "%s%s %.3f", std::exchange(separator, ", "), name, value);
    if (std::isfinite(of_base)) absl::StrAppendFormat(&line, " (base %.3f)", of_base);
  };
  add("reward", tuned.reward, base.reward);
  add("held-out " + held_out_name, tuned.held_out, base.held_out);
  add("diversity", tuned.diversity, base.diversity);
  if (record.best_step == record.step) return line + "; the best so far";
  return absl::StrFormat("%s; the best is %.3f at step %d", line, record.best_reward,
                         record.best_step);
}

absl::StatusOr<TrainingLog> TrainingLog::Open(Notices& notices, Options options) {
  auto steps = LineLog::Open(options.output_dir + "/log.jsonl", options.first_step + 1);
  if (!steps.ok()) return steps.status();
  auto validations = LineLog::Open(options.output_dir + "/validation.jsonl", options.first_step);
  if (!validations.ok()) return validations.status();
  auto events = EventFile::Open(options.output_dir + "/tensorboard", Now(), options.first_step);
  if (!events.ok()) return events.status();
  if (absl::Status added = AddSettings(options, *events); !added.ok()) return added;
  for (const LineLog* log : {&*steps, &*validations}) {
    if (!log->warning().empty()) notices.Warn(log->warning());
  }
  return TrainingLog(notices, std::move(options), *std::move(steps), *std::move(validations),
                     *std::move(events));
}

TrainingLog::TrainingLog(Notices& notices, Options options, LineLog steps, LineLog validations,
                         EventFile events)
    : notices_(&notices),
      options_(std::move(options)),
      steps_(std::move(steps)),
      validations_(std::move(validations)),
      events_(std::move(events)) {}

void TrainingLog::Show(const StepRecord& record) {
  reward_.Add(record.reward);
  seconds_.Add(record.seconds);
  const double now = Progress::WallSeconds();
  const bool last = record.step == options_.max_steps;
  LiveLine& line = notices_->live();
  if (!last && !line.Due(now)) return;
  const std::string left =
      FormatDuration(seconds_.value() * static_cast<double>(options_.max_steps - record.step));
  line.Draw({{.text = absl::StrCat("step ", record.step, "/", options_.max_steps), .rank = 0},
             {.text = absl::StrFormat("reward %.3f", record.reward), .rank = 1},
             {.text = absl::StrFormat("mean %.3f", reward_.value()), .rank = 3},
             {.text = absl::StrFormat("KL %.3g", record.kl), .rank = 4},
             {.text = absl::StrFormat("grad %.3g", record.grad_norm), .rank = 7},
             {.text = absl::StrFormat("clamped %.1f%%", 100 * record.clamped), .rank = 8},
             {.text = absl::StrFormat("%.2f images/s",
                                      static_cast<double>(record.images) / record.seconds),
              .rank = 6},
             {.text = absl::StrFormat("%.2f s/step", record.seconds), .rank = 5},
             {.text = absl::StrCat(record.memory_mib, " MiB"), .rank = 9},
             {.text = "ETA " + left, .rank = 2}},
            now);
}

absl::Status TrainingLog::Add(const StepRecord& record) {
  if (absl::Status written = steps_.Write(ToJson(record).dump()); !written.ok()) return written;
  std::vector<std::pair<std::string, double>> scalars = {
      {"train/loss", record.loss},
      {"train/reward", record.reward},
      {"train/kl_penalty", record.kl},
      {"train/grad_norm", record.grad_norm},
      {"train/lr", record.lr},
      {"train/kl_coefficient", record.kl_coefficient},
      {"train/clamped", record.clamped},
      {"train/step_time", record.seconds},
      {"train/consumed_samples", static_cast<double>(record.consumed_samples)}};
  for (const auto& [name, value] : record.rewards) scalars.emplace_back("reward/" + name, value);
  for (const auto& [name, value] : record.reward_norms)
    scalars.emplace_back("reward_gradient/" + name, value);
  const double now = Now();
  for (const auto& [tag, value] : scalars) {
    if (absl::Status s = events_.AddScalar(tag, record.step, now, value); !s.ok()) return s;
  }
  Show(record);
  return absl::OkStatus();
}

absl::Status TrainingLog::Add(const ValidationRecord& record, const RgbImage& sheet) {
  const Json json = {{"step", record.step},
                     {"tuned", Side(record.scores.tuned)},
                     {"base", Side(record.scores.base)},
                     {"drift", Number(record.scores.drift)},
                     {"seconds", Number(record.seconds)}};
  if (absl::Status s = validations_.Write(json.dump()); !s.ok()) return s;
  const double now = Now();
  const ValidationSide& tuned = record.scores.tuned;
  std::vector<std::pair<std::string, double>> scalars = {
      {"validation/reward", tuned.reward},
      {"validation/held_out", tuned.held_out},
      {"validation/diversity", tuned.diversity},
      {"validation/clamped", tuned.clamped},
      {"validation/drift", record.scores.drift},
      {"validation/best_step", static_cast<double>(record.best_step)},
      {"validation/best_reward", record.best_reward}};
  for (const auto& [name, value] : tuned.rewards)
    scalars.emplace_back("validation_reward/" + name, value);
  for (const auto& [name, value] : tuned.held_out_rewards)
    scalars.emplace_back("validation_held_out/" + name, value);
  for (const auto& [tag, value] : scalars) {
    if (!std::isfinite(value)) continue;
    if (absl::Status s = events_.AddScalar(tag, record.step, now, value); !s.ok()) return s;
  }
  const auto png = EncodePng(sheet);
  if (!png.ok()) return png.status();
  if (absl::Status s =
          events_.AddImage("validation/images", record.step, now, *png, sheet.width, sheet.height);
      !s.ok()) {
    return s;
  }
  Say(DescribeValidation(record));
  return absl::OkStatus();
}

absl::Status TrainingLog::Close() {
  notices_->live().End();
  if (absl::Status s = steps_.Close(); !s.ok()) return s;
  if (absl::Status s = validations_.Close(); !s.ok()) return s;
  return events_.Close();
}

}  // namespace draftp
