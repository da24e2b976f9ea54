#include "draftp/train/training_log.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "draftp/pipeline/progress.h"

namespace draftp {
namespace {

using Json = nlohmann::ordered_json;

double Now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json Side(const ValidationSide& side) {
  return {{"reward", Number(side.reward)},
          {"held_out", Number(side.held_out)},
          {"diversity", Number(side.diversity)},
          {"clamped", Number(side.clamped)}};
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

absl::StatusOr<TrainingLog> TrainingLog::Open(std::ostream& out, Options options) {
  auto steps = LineLog::Open(options.output_dir + "/log.jsonl", options.first_step + 1);
  if (!steps.ok()) return steps.status();
  auto validations = LineLog::Open(options.output_dir + "/validation.jsonl", options.first_step);
  if (!validations.ok()) return validations.status();
  auto events = EventFile::Open(options.output_dir + "/tensorboard", Now(), options.first_step);
  if (!events.ok()) return events.status();
  return TrainingLog(out, std::move(options), *std::move(steps), *std::move(validations),
                     *std::move(events));
}

TrainingLog::TrainingLog(std::ostream& out, Options options, LineLog steps, LineLog validations,
                         EventFile events)
    : out_(&out),
      line_(out, options.terminal, /*shown_at=*/0),
      options_(std::move(options)),
      steps_(std::move(steps)),
      validations_(std::move(validations)),
      events_(std::move(events)) {}

void TrainingLog::Say(const std::string& line) {
  line_.End();
  *out_ << line << '\n' << std::flush;
}

void TrainingLog::Show(const StepRecord& record) {
  reward_.Add(record.reward);
  seconds_.Add(record.seconds);
  const double now = Progress::WallSeconds();
  const bool last = record.step == options_.max_steps;
  if (!last && !line_.Due(now)) return;
  std::string phases;
  for (const auto& [phase, seconds] : record.phases)
    absl::StrAppendFormat(&phases, "%s%s %.2f", phases.empty() ? "" : ", ", phase, seconds);
  const std::string line = absl::StrFormat(
      "step %d/%d  reward %.3f (mean %.3f)  KL %.3g  grad %.3g  clamped %.1f%%  %.2f images/s  "
      "%.2f s/step (%s)  %d MiB  ETA %s",
      record.step, options_.max_steps, record.reward, reward_.value(), record.kl, record.grad_norm,
      100 * record.clamped, static_cast<double>(record.images) / record.seconds, record.seconds,
      phases, record.memory_mib,
      FormatDuration(seconds_.value() * static_cast<double>(options_.max_steps - record.step)));
  line_.Draw(line, now);
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
  for (const auto& [tag, value] :
       {std::pair<const char*, double>("validation/reward", tuned.reward),
        {"validation/held_out", tuned.held_out},
        {"validation/diversity", tuned.diversity},
        {"validation/clamped", tuned.clamped},
        {"validation/drift", record.scores.drift}}) {
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
  Say(absl::StrFormat("validation at step %d: reward %.3f (base %.3f), diversity %.3f (base %.3f)",
                      record.step, tuned.reward, record.scores.base.reward, tuned.diversity,
                      record.scores.base.diversity));
  return absl::OkStatus();
}

absl::Status TrainingLog::Close() {
  line_.End();
  if (absl::Status s = steps_.Close(); !s.ok()) return s;
  if (absl::Status s = validations_.Close(); !s.ok()) return s;
  return events_.Close();
}

}  // namespace draftp
