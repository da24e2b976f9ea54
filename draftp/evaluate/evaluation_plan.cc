#include "draftp/evaluate/evaluation_plan.h"

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

#include "draftp/anneal/lora_argument.h"
#include "draftp/io/last_name.h"
#include "draftp/io/printable.h"
#include "draftp/schedule/parse_weighing.h"
#include "draftp/schedule/step_context.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// An adapter, or the tuned UNet.
struct Tuned {
  std::string name = {};         // empty where there is one alone
  std::string lora = {};         // empty: --tuned
  std::string weight_type = {};  // its own; empty: those of the config
  int64_t step = -1;             // of a training run
};

// A weight type's mean over the steps, at the fraction i/N each begins at; NaN of one that is no
// weight, or over another coordinate.
double MeanWeight(const std::string& text, int64_t steps) {
  const auto weighing = ParseWeighing(text);
  if (!weighing.ok() || text.find('@') != std::string::npos) return kNone;
  double sum = 0;
  for (int64_t i = 0; i < steps; ++i)
    sum += (*weighing)(StepContext{static_cast<int>(i), static_cast<int>(steps), 1.0, 0.0});
  return sum / static_cast<double>(steps);
}

// "mine" of mine.safetensors, "run" of run/pytorch_lora_weights.safetensors.
std::string AdapterName(const std::string& path) {
  fs::path name(path);
  if (name.filename().empty()) name = name.parent_path();
  std::error_code error;
  if (fs::is_directory(name, error)) return name.filename().string();
  const std::string stem = name.stem().string();
  return stem == "pytorch_lora_weights" ? name.parent_path().filename().string() : stem;
}

absl::StatusOr<std::vector<Tuned>> AdaptersOfRun(const std::string& dir) {
  std::vector<Tuned> adapters;
  std::error_code error;
  for (fs::directory_iterator entry(fs::path(dir) / "adapters", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string stem = entry->path().stem().string();
    int64_t step = 0;
    if (entry->path().extension() != ".safetensors" || !stem.starts_with("step_") ||
        !absl::SimpleAtoi(stem.substr(5), &step)) {
      continue;
    }
    adapters.push_back(
        {.name = absl::StrCat("step_", step), .lora = entry->path().string(), .step = step});
  }
  if (adapters.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "--checkpoints: found no adapters/step_N.safetensors in ", Printable(dir, 1000),
        ", expected a training run of a LoRA that has validated (train --val_check_interval)"));
  }
  std::ranges::sort(adapters, {}, &Tuned::step);
  return adapters;
}

absl::StatusOr<std::vector<Tuned>> TunedOf(const EvaluateConfig& config) {
  if (!config.checkpoints.empty()) return AdaptersOfRun(config.checkpoints);
  if (config.lora.empty()) return std::vector<Tuned>{{}};
  const std::vector<LoraArgument> loras = ParseLoraArguments(config.lora);
  std::vector<Tuned> tuned;
  std::set<std::string> names;
  for (const LoraArgument& lora : loras) {
    std::string name = loras.size() == 1 ? "" : AdapterName(lora.path);
    for (int i = 2; !name.empty() && !names.insert(name).second; ++i)
      name = absl::StrCat(AdapterName(lora.path), "_", i);
    tuned.push_back({.name = name, .lora = lora.path, .weight_type = lora.weight});
  }
  return tuned;
}

// "projected" of projected(0.4), "annealed" of a weight.
std::string FamilyOf(const std::string& weight_type) {
  if (ParseWeighing(weight_type).ok()) return "annealed";
  return weight_type.substr(0, weight_type.find('('));
}

EvaluationColumn ColumnOf(const Tuned& tuned, const std::string& weight_type,
                          const EvaluateConfig& config) {
  const std::string family = FamilyOf(weight_type);
  if (tuned.step >= 0) {
    const bool draft = config.weight_type.size() == 1 && weight_type == "draft";
    return {.weight_type = weight_type,
            .name = draft ? tuned.name : absl::StrCat(tuned.name, "/", weight_type),
            .family = draft ? "training steps" : absl::StrCat("training steps, ", weight_type),
            .parameter = static_cast<double>(tuned.step)};
  }
  return {.weight_type = weight_type,
          .name = tuned.name.empty() ? weight_type : absl::StrCat(tuned.name, "/", weight_type),
          .family = tuned.name.empty() ? family : absl::StrCat(tuned.name, ", ", family),
          .parameter = MeanWeight(weight_type, config.draw.sampling.steps)};
}

EvaluationColumn ScaleOf(const Tuned& tuned, const std::string& scale,
                         const EvaluateConfig& config) {
  EvaluationColumn column = ColumnOf(tuned, absl::StrCat("weights(", scale, ")"), config);
  if (tuned.step < 0) {
    column.family = tuned.name.empty() ? "LoRA scale" : absl::StrCat(tuned.name, ", LoRA scale");
    (void)absl::SimpleAtod(scale, &column.parameter);
  }
  return column;
}

EvaluationRun RunOf(const Tuned& tuned, bool first, const EvaluateConfig& config) {
  EvaluationRun run{.config = config.draw, .name = tuned.name, .columns = {}};
  if (!tuned.lora.empty()) run.config.lora = {tuned.lora};
  run.config.tuned = config.tuned;
  run.config.images_per_prompt = config.images_per_prompt;
  run.config.batch_size = config.batch_size;
  run.config.skip_existing = true;
  if (first) {
    run.columns.push_back(
        {.weight_type = kBasePoint, .name = kBasePoint, .family = kBasePoint, .parameter = 0});
  }
  if (!tuned.weight_type.empty()) {
    run.columns.push_back(ColumnOf(tuned, tuned.weight_type, config));
  } else {
    for (const std::string& type : config.weight_type) {
      if (type != kBasePoint) run.columns.push_back(ColumnOf(tuned, type, config));
    }
    for (size_t i = 0; HasScales(config) && i < config.lora_scale.size(); ++i)
      run.columns.push_back(ScaleOf(tuned, config.lora_scale[i], config));
  }
  run.config.weight_type.clear();
  for (const EvaluationColumn& column : run.columns)
    run.config.weight_type.push_back(column.weight_type);
  return run;
}

}  // namespace

absl::StatusOr<std::vector<EvaluationRun>> PlanEvaluation(const EvaluateConfig& config) {
  std::vector<EvaluationRun> runs;
  if (!Draws(config)) return runs;
  const auto tuned = TunedOf(config);
  if (!tuned.ok()) return tuned.status();
  for (const Tuned& one : *tuned) runs.push_back(RunOf(one, runs.empty(), config));
  return runs;
}

}  // namespace draftp
