#include "draftp/train/training_output.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <nlohmann/json.hpp>

#include "draftp/io/png.h"
#include "draftp/sdxl/recorded_config.h"
#include "draftp/train/checkpoint.h"
#include "draftp/train/kohya_file.h"
#include "draftp/train/model_card.h"
#include "draftp/train/step_adapters.h"
#include "draftp/version.h"

namespace draftp {

absl::Status TrainingOutput::Write(const ValidationResult& result, const TrainerState& state,
                                   double seconds) {
  if (absl::Status made = folder_.MakeSubfolder("validation"); !made.ok()) return made;
  const std::string path =
      absl::StrFormat("%s/validation/step_%08d.png", config_.output_dir, state.step);
  absl::Status drawn =
      WritePng(path, result.sheet, {{"Software", absl::StrCat("draftp ", kVersion)}});
  if (!drawn.ok()) return drawn;
  const ValidationRecord record{
      .step = state.step,
      .scores = result.scores,
      .seconds = seconds,
      .best_step = state.best_step,
      .best_reward = state.best_reward.value_or(result.scores.tuned.reward)};
  return log_.Add(record, result.sheet);
}

absl::Status TrainingOutput::Checkpoint(const Tensors& values, const Tensors& optimizer,
                                        const TrainerState& state, int64_t optimizer_steps,
                                        bool first) {
  if (absl::Status there = folder_.Check(); !there.ok()) return there;
  const auto identity = identity_();
  if (!identity.ok()) return identity.status();
  if (absl::Status made = folder_.MakeSubfolder("checkpoints"); !made.ok()) return made;
  absl::Status written = WriteCheckpoint(config_.output_dir, model_, values, optimizer, config_,
                                         {.state = state,
                                          .optimizer_steps = optimizer_steps,
                                          .full = model_.full(),
                                          .identity = *identity,
                                          .config = RecordedConfig(TrainTable(), config_)});
  return written.ok() && first ? record_.Write() : written;
}

absl::Status TrainingOutput::Adapter(const Tensors& values, int64_t step) {
  if (absl::Status made = folder_.MakeSubfolder("adapters"); !made.ok()) return made;
  absl::Status written = WriteStepAdapter(config_.output_dir, step, model_, config_, values);
  if (!written.ok()) return written;
  return RemoveOldStepAdapters(config_.output_dir, config_.keep_adapters);
}

absl::Status TrainingOutput::Weights(const Tensors& values, const Tensors& averages,
                                     const Shown& shown) {
  const bool full = model_.full();
  const std::string& dir = config_.output_dir;
  const auto checkpoint = [&](int64_t step) { return CheckpointPath(dir, step); };
  if (shown.saved_step == shown.step) {
    absl::Status linked = LinkTrainedWeights(checkpoint(shown.step), dir, full);
    if (!linked.ok()) return linked;
  } else if (!full) {
    absl::Status written = WriteTrainedWeights(dir, model_, config_, values);
    if (!written.ok()) return written;
  }
  if (shown.best_step >= 0 && (shown.best_step == shown.saved_step || shown.end)) {
    if (absl::Status made = folder_.MakeSubfolder("best"); !made.ok()) return made;
    absl::Status linked = LinkTrainedWeights(checkpoint(shown.best_step), dir + "/best", full);
    if (!linked.ok()) return linked;
  }
  if (averages.empty()) return absl::OkStatus();
  if (absl::Status made = folder_.MakeSubfolder("ema"); !made.ok()) return made;
  return WriteTrainedWeights(dir + "/ema", model_, config_, averages);
}

absl::Status TrainingOutput::Report(const RunStatus& status, bool end) {
  if (absl::Status there = folder_.Check(); !there.ok()) return there;
  if (absl::Status s = WriteTrainingReport(config_, status); !s.ok() || !end) return s;
  if (!model_.full()) {
    if (absl::Status s = WriteKohyaFile(config_, model_, status.step); !s.ok()) return s;
  }
  return WriteModelCard(config_, status, NewestSheet(config_.output_dir));
}

absl::Status TrainingOutput::Finish(const TrainerState& state, const std::string& why, int ranks) {
  for (const auto& [phase, seconds] : state.seconds) record_.SetSeconds(phase, seconds);
  record_.Set("steps", state.step);
  record_.Set("skipped_steps", state.skipped_steps);
  record_.Set("ended", why.empty() ? "finished" : why);
  if (ranks > 1) record_.Set("ranks", ranks);
  if (state.best_reward) {
    record_.Set("best_step", state.best_step);
    record_.Set("best_reward", *state.best_reward);
  }
  nlohmann::ordered_json changes = nlohmann::ordered_json::array();
  for (const RunChange& change : state.changes)
    changes.push_back({{"step", change.step}, {"what", change.what}});
  record_.Set("changes", std::move(changes));
  return record_.Finish();
}

}  // namespace draftp
