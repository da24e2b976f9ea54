#include "draftp/train/training_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <utility>

#include "draftp/config/config_row.h"
#include "draftp/io/last_name.h"
#include "draftp/io/png.h"
#include "draftp/io/read_file.h"
#include "draftp/report/axis_ticks.h"
#include "draftp/report/html_report.h"
#include "draftp/report/thumbnail.h"
#include "draftp/run/progress.h"
#include "draftp/train/run_lines.h"

namespace draftp {
namespace {

constexpr int64_t kMaxSheetBytes = 256 << 20;
constexpr size_t kMaxStrip = 16;  // a sheet of SDXL's size takes a fifth of a second to read
constexpr int kStripSide = 224;
constexpr int kStripQuality = 80;

// "31.2", nothing for what wasn't measured.
std::string Measured(double value) { return std::isfinite(value) ? ShortNumber(value) : ""; }

void AddCurve(const RunLines& lines, const std::string& key, const std::string& name,
              const std::string& unit, Report& report) {
  const RunSeries& series = lines[key];
  const bool measured = std::any_of(series.value.begin(), series.value.end(),
                                    [](double value) { return std::isfinite(value); });
  if (measured) report.curves.push_back({name, unit, series.step, series.value});
}

// A curve for each key below `prefix`, where there are several.
void AddMemberCurves(const RunLines& lines, const std::string& prefix, const std::string& name,
                     Report& report) {
  const auto below = [&](const auto& entry) { return entry.first.starts_with(prefix); };
  if (std::count_if(lines.series.begin(), lines.series.end(), below) < 2) return;
  for (const auto& [key, series] : lines.series) {
    if (key.starts_with(prefix))
      AddCurve(lines, key, absl::StrCat(name, ": ", key.substr(prefix.size())), "", report);
  }
}

void AddCurves(const RunLines& steps, const RunLines& validations, Report& report) {
  AddCurve(steps, "reward", "Reward", "", report);
  AddMemberCurves(steps, "rewards/", "Reward", report);
  AddCurve(steps, "kl", "KL to the base model", "", report);
  AddCurve(steps, "grad_norm", "Gradient norm", "", report);
  AddCurve(steps, "loss", "Loss", "", report);
  AddCurve(steps, "clamped", "Clamped pixels", "share", report);
  AddCurve(steps, "lr", "Learning rate", "", report);
  AddCurve(steps, "seconds", "Time a step", "s", report);
  AddCurve(validations, "tuned/reward", "Validation reward", "", report);
  AddMemberCurves(validations, "tuned/rewards/", "Validation reward", report);
  AddCurve(validations, "tuned/held_out", "Held-out reward", "", report);
  AddMemberCurves(validations, "tuned/held_out_rewards/", "Held-out reward", report);
  AddCurve(validations, "tuned/diversity", "Validation diversity", "", report);
}

void AddScores(const RunLines& validations, Report& report) {
  for (const auto& [name, key] :
       {std::pair<const char*, const char*>("Validation reward", "reward"),
        {"Held-out reward", "held_out"},
        {"Diversity", "diversity"}}) {
    const std::string tuned = Measured(validations.Last(absl::StrCat("tuned/", key)));
    const std::string base = Measured(validations.Last(absl::StrCat("base/", key)));
    if (!tuned.empty()) report.facts.push_back({name, tuned, base.empty() ? "" : "base " + base});
  }
}

void AddFacts(const TrainConfig& config, const RunStatus& status, const RunLines& steps,
              const RunLines& validations, Report& report) {
  AddScores(validations, report);
  if (status.best_step) {
    report.facts.push_back(
        {"Best step", absl::StrCat(*status.best_step),
         status.best_reward ? "reward " + ShortNumber(*status.best_reward) : ""});
  }
  if (status.seconds > 0)
    report.facts.push_back({"Duration", FormatDuration(status.seconds), "of training"});
  const std::vector<double>& seconds = steps["seconds"].value;
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  if (std::isfinite(sum) && sum > 0) {
    const auto images =
        static_cast<double>(config.global_batch_size) * static_cast<double>(seconds.size());
    report.facts.push_back({"Speed", ShortNumber(images / sum) + " images/s",
                            ShortNumber(sum / static_cast<double>(seconds.size())) + " s a step"});
  }
  if (status.memory_mib > 0)
    report.facts.push_back(
        {"Memory", absl::StrFormat("%.1f GiB", status.memory_mib / 1024.0), status.device});
  report.facts.push_back({"Written", absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone()),
                          absl::FormatTime("%H:%M UTC", absl::Now(), absl::UTCTimeZone())});
}

// The steps that "after step N: ..." names.
std::vector<ReportMark> Marks(const std::vector<std::string>& changes) {
  std::vector<ReportMark> marks;
  for (const std::string& change : changes) {
    long long step = -1;
    std::sscanf(change.c_str(), "after step %18lld", &step);
    marks.push_back({static_cast<double>(step), change});
  }
  return marks;
}

void AddSheet(const std::string& output_dir, int64_t step, const std::string& which,
              Report& report) {
  const auto png =
      ReadFile(absl::StrFormat("%s/validation/step_%08d.png", output_dir, step), kMaxSheetBytes);
  if (!png.ok()) return;
  report.images.push_back({absl::StrCat("After ", step, step == 1 ? " step" : " steps", which,
                                        ": the fine-tuned model above the base, from the same "
                                        "noise"),
                           *png});
}

// Small pictures of at most kMaxStrip validations' sheets, the first and the last among them.
void AddStrip(const std::string& output_dir, const std::vector<int64_t>& steps, Report& report) {
  const size_t shown = std::min(steps.size(), kMaxStrip);
  if (shown < 2) return;
  for (size_t i = 0; i < shown; ++i) {
    const int64_t step = steps[i * (steps.size() - 1) / (shown - 1)];
    const std::string name = absl::StrFormat("validation/step_%08d.png", step);
    const auto sheet = ReadPng(absl::StrCat(output_dir, "/", name));
    if (!sheet.ok()) continue;
    const auto jpeg = EncodeJpeg(FitInto(sheet->image, kStripSide, kStripSide), kStripQuality);
    if (jpeg.ok()) report.strip.push_back({absl::StrCat("step ", step), *jpeg, name});
  }
}

// What the model stands in for where a setting is 0.
std::string SettingText(const std::string& key, const std::string& value) {
  if (value != "0") return value;
  if (key == "height" || key == "width") return "the model's";
  if (key == "lora_alpha") return "the rank";
  return value;
}

void AddSettings(const TrainConfig& config, Report& report) {
  const auto defaults = TrainTable().Print(TrainConfig{});
  const auto chosen = TrainTable().Print(config);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const auto& [key, value] = chosen[i];
    const std::string text = PlainText(value);
    const bool changed = text != PlainText(defaults[i].second);
    if (!changed && text.empty()) continue;  // not given
    (changed ? report.settings : report.defaults).emplace_back(key, SettingText(key, text));
  }
}

std::string RewardNames(const TrainConfig& config) {
  std::vector<std::string> names;
  for (const std::string& reward : config.reward)
    names.push_back(LastName(reward.substr(0, reward.find(':'))));
  return absl::StrJoin(names, ", ");
}

}  // namespace

std::string DescribeStatus(const RunStatus& status) {
  if (!status.ended.empty()) {
    return absl::StrCat("stopped at step ", status.step, " of ", status.max_steps, " by ",
                        status.ended);
  }
  if (status.step >= status.max_steps)
    return absl::StrCat("finished: ", status.step, status.step == 1 ? " step" : " steps");
  return absl::StrCat("step ", status.step, " of ", status.max_steps, ", running");
}

absl::Status WriteTrainingReport(const TrainConfig& config, const RunStatus& status) {
  const RunLines steps = ReadRunLines(config.output_dir + "/log.jsonl");
  const RunLines validations = ReadRunLines(config.output_dir + "/validation.jsonl");
  const std::string model = status.model.empty() ? LastName(config.model) : status.model;
  Report report{.title = absl::StrCat(LastName(config.output_dir), ": ", model)};
  std::string where = DescribeStatus(status);
  where[0] = static_cast<char>(std::toupper(where[0]));
  report.summary = absl::StrCat(where, ". ", config.objective, " on ", RewardNames(config), ", ",
                                config.global_batch_size, " images a step",
                                status.trained.empty() ? "" : ", trains ", status.trained,
                                status.device.empty() ? "" : ", on ", status.device, ".");
  AddFacts(config, status, steps, validations, report);
  report.warnings = status.warnings;
  for (const RunLines* lines : {&steps, &validations}) {
    if (!lines->warning.empty()) report.warnings.push_back(lines->warning);
  }
  report.marks = Marks(status.changes);
  AddCurves(steps, validations, report);
  if (!validations.steps.empty()) {
    const int64_t last = validations.steps.back();
    const bool other = status.best_step && *status.best_step != last;
    AddSheet(config.output_dir, last, other || !status.best_step ? "" : ", the best", report);
    if (other) AddSheet(config.output_dir, *status.best_step, ", the best", report);
  }
  AddStrip(config.output_dir, validations.steps, report);
  AddSettings(config, report);
  return WriteReport(config.output_dir + "/report.html", report);
}

}  // namespace draftp
