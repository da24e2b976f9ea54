#include "draftp/train/training_run.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/png.h"
#include "draftp/run/exit_code.h"
#include "draftp/run/process_memory.h"
#include "draftp/run/progress.h"
#include "draftp/sdxl/recorded_config.h"
#include "draftp/train/checkpoint.h"
#include "draftp/train/step_batches.h"
#include "draftp/train/train_identity.h"
#include "draftp/version.h"

namespace draftp {

TrainingRun::TrainingRun(const TrainConfig& config, TrainingSetup& setup, OutputFolder& folder,
                         StopRequest& stop, RunRecord& record,
                         std::function<absl::StatusOr<RunIdentity>()> identity)
    : config_(config),
      setup_(setup),
      folder_(folder),
      stop_(stop),
      record_(record),
      identity_(std::move(identity)),
      order_(static_cast<int64_t>(setup.captions.size()), config.seed),
      step_(*setup.model, *setup.reward, setup.options),
      optimizer_(setup.model->parameters(), OptimizerOptionsOf(config)),
      validation_(*setup.model, *setup.reward, setup.held_out.get(), setup.options,
                  {.prompts = setup.validation_captions,
                   .images_per_prompt = config.images_per_prompt,
                   .batch_size = config.micro_batch_size,
                   .cancelled = [&stop] { return stop.asked(); }}),
      begin_(Progress::WallSeconds()) {
  state_.kl_coefficient = setup.kl_schedule.Initial();
  state_.validation = ValidationHash(config, setup.validation_captions);
}

absl::Status TrainingRun::Resume(const ResumePoint& point, std::vector<std::string>& notices) {
  absl::Status restored = RestoreCheckpoint(point.folder, point.record, *setup_.model, optimizer_);
  if (!restored.ok()) return AsFailure(restored);
  const std::string validation = std::exchange(state_, point.record.state).validation;
  first_step_ = state_.step;
  earlier_seconds_ = state_.seconds["total"];
  const std::vector<CheckpointFolder> own = ListCheckpoints(config_.output_dir);
  if (!own.empty() && own.back().path == point.folder) saved_step_ = state_.step;
  const auto changed = [&](const std::string& what) {
    state_.changes.push_back({state_.step, what});
    notices.push_back(absl::StrCat("warning: after step ", state_.step, ": ", what));
  };
  for (const std::string& difference : point.differences) changed(difference);
  const int64_t before = point.record.config.value("max_steps", config_.max_steps);
  if (config_.lr_schedule == "cosine" && before != config_.max_steps &&
      state_.step < config_.max_steps) {
    changed(absl::StrFormat(
        "--max_steps was %d, is %d, and the cosine learning rate falls to 0 "
        "there: step %d has %.3g",
        before, config_.max_steps, state_.step + 1, setup_.learning_rate(optimizer_.steps())));
  }
  if (state_.best_reward && state_.validation != validation) {
    changed("validations draw other pictures: the best reward counts from here");
    state_.best_reward.reset();
  }
  std::error_code error;
  if (!std::filesystem::exists(CheckpointPath(config_.output_dir, state_.best_step), error))
    state_.best_reward.reset();  // of another folder, or removed by hand: the best from here counts
  state_.validation = validation;
  notices.push_back(absl::StrCat("goes on after step ", state_.step, " from ", point.folder));
  return absl::OkStatus();
}

StepRecord TrainingRun::Record(const MicroBatchResult& result) const {
  StepRecord record{.step = state_.step + 1,
                    .consumed_samples = state_.consumed_samples + config_.global_batch_size,
                    .loss = result.loss.item<double>(),
                    .reward = result.reward.item<double>(),
                    .kl = result.kl.item<double>(),
                    .clamped = result.clamped.item<double>(),
                    .lr = setup_.learning_rate(optimizer_.steps()),
                    .kl_coefficient = state_.kl_coefficient,
                    .images = config_.global_batch_size};
  const std::vector<RewardMember>& members = setup_.reward->members();
  for (size_t m = 0; m < result.member_rewards.size(); ++m)
    record.rewards.emplace_back(members[m].reward.name(), result.member_rewards[m].item<double>());
  for (size_t m = 0; m < result.member_gradients.size(); ++m) {
    record.reward_norms.emplace_back(members[m].reward.name(),
                                     result.member_gradients[m].item<double>());
  }
  return record;
}

// A reward whose graph is cut somewhere trains nothing, and says nothing.
absl::Status TrainingRun::CheckFirstGradients(const StepRecord& record) const {
  for (size_t m = 0; m < record.reward_norms.size(); ++m) {
    const auto& [name, norm] = record.reward_norms[m];
    if (norm != 0.0 || setup_.reward->members()[m].weight == 0.0) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "--reward: ", name,
        " has no gradient by the images in the first step, expected a differentiable reward"));
  }
  return absl::OkStatus();
}

absl::Status TrainingRun::Skip(const MicroBatchResult& result, TrainingLog& log) {
  optimizer_.DropGradients();
  ++state_.skipped_steps;
  ++state_.skipped_in_a_row;
  const std::string path = config_.output_dir + "/nonfinite_step.safetensors";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    const std::vector<int64_t> samples =
        SamplesFrom(state_.consumed_samples, config_.global_batch_size);
    const absl::Status dumped = WriteSafetensors(
        path,
        {{"loss", result.loss.cpu()}, {"kl", result.kl.cpu()}, {"rewards", result.rewards.cpu()}},
        {{"step", absl::StrCat(state_.step + 1)},
         {"seed", absl::StrCat(config_.seed)},
         {"samples", absl::StrJoin(samples, ",")},
         {"captions", absl::StrJoin(CaptionsOf(samples, setup_.captions, order_), "\n")}});
    if (!dumped.ok()) return dumped;
  }
  log.Warn(absl::StrCat("step ", state_.step + 1,
                        " is skipped: its loss, reward or gradient isn't finite (see ", path, ")"));
  if (state_.skipped_in_a_row < config_.max_skipped_steps) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(state_.skipped_in_a_row,
                   " steps in a row had a loss, reward or gradient that isn't finite, expected "
                   "fewer than --max_skipped_steps ",
                   config_.max_skipped_steps, "; ", path, " holds the first"));
}

absl::Status TrainingRun::Step(TrainingLog& log) {
  const double begin = Progress::WallSeconds();
  const auto result = RunMicroBatches(config_,
                                      {.step = state_.step,
                                       .first_sample = state_.consumed_samples,
                                       .kl_coefficient = state_.kl_coefficient},
                                      setup_.captions, order_, step_, optimizer_);
  if (!result.ok()) return result.status();
  StepRecord record = Record(*result);
  const at::Tensor norm = optimizer_.GradientNorm();
  record.grad_norm = norm.item<double>();
  record.skipped = !std::isfinite(record.loss) || !std::isfinite(record.reward) ||
                   !std::isfinite(record.grad_norm);
  if (record.skipped) {
    if (absl::Status skipped = Skip(*result, log); !skipped.ok()) return skipped;
  } else {
    if (state_.step == first_step_) {
      if (absl::Status checked = CheckFirstGradients(record); !checked.ok()) return checked;
    }
    const double update = Progress::WallSeconds();
    optimizer_.Step(record.lr, norm);
    setup_.model->ParametersChanged();
    record.phases["optimizer"] = Progress::WallSeconds() - update;
    state_.skipped_in_a_row = 0;
    state_.kl_coefficient = setup_.kl_schedule.Next(state_.kl_coefficient, state_.step, record.kl);
  }
  ++state_.step;
  state_.consumed_samples += config_.global_batch_size;
  record.phases.merge(step_.TakeSeconds());
  for (const auto& [phase, seconds] : record.phases) state_.seconds[phase] += seconds;
  record.memory_mib = PeakBytes(setup_.device) >> 20;
  record.seconds = Progress::WallSeconds() - begin;
  return log.Add(record);
}

absl::Status TrainingRun::Validate(TrainingLog& log, bool saves) {
  const double begin = Progress::WallSeconds();
  const auto result = validation_.Run();
  if (!result.ok()) return result.status();
  if (absl::Status made = folder_.MakeSubfolder("validation"); !made.ok()) return made;
  const std::string path =
      absl::StrFormat("%s/validation/step_%08d.png", config_.output_dir, state_.step);
  if (absl::Status s =
          WritePng(path, result->sheet, {{"Software", absl::StrCat("draftp ", kVersion)}});
      !s.ok()) {
    return s;
  }
  const double seconds = Progress::WallSeconds() - begin;
  state_.seconds["validation"] += seconds;
  const double reward = result->scores.tuned.reward;
  // A whole UNet is written where a checkpoint is due anyway, so the best is among those.
  const bool best = std::isfinite(reward) &&
                    (!state_.best_reward || reward > *state_.best_reward) &&
                    (saves || !setup_.model->full());
  if (best) {
    state_.best_reward = reward;
    state_.best_step = state_.step;
  }
  const ValidationRecord record{.step = state_.step,
                                .scores = result->scores,
                                .seconds = seconds,
                                .best_step = state_.best_step,
                                .best_reward = state_.best_reward.value_or(reward)};
  if (absl::Status added = log.Add(record, result->sheet); !added.ok()) return added;
  for (const std::string& alarm : Alarms(result->scores)) {
    const std::string line = absl::StrCat("after step ", state_.step, " ", alarm);
    warnings_.push_back(line);
    log.Warn("reward hacking? " + line);
    if (config_.stop_on_alarm) ended_ = "an alarm: " + line;
  }
  if (best) {
    if (absl::Status saved = Save(); !saved.ok()) return saved;
  }
  if (absl::Status removed =
          RemoveOldCheckpoints(config_.output_dir, config_.keep_checkpoints, state_.best_step);
      !removed.ok()) {
    return removed;
  }
  return Publish(/*end=*/false);
}

void TrainingRun::CountTotalSeconds() {
  state_.seconds["total"] = earlier_seconds_ + Progress::WallSeconds() - begin_;
}

absl::Status TrainingRun::Save() {
  if (saved_step_ == state_.step) return absl::OkStatus();
  if (absl::Status there = folder_.Check(); !there.ok()) return there;
  const double begin = Progress::WallSeconds();
  const auto identity = identity_();
  if (!identity.ok()) return identity.status();
  if (absl::Status made = folder_.MakeSubfolder("checkpoints"); !made.ok()) return made;
  CountTotalSeconds();
  absl::Status written = WriteCheckpoint(config_.output_dir, *setup_.model, optimizer_, config_,
                                         {.state = state_,
                                          .optimizer_steps = optimizer_.steps(),
                                          .full = setup_.model->full(),
                                          .identity = *identity,
                                          .config = RecordedConfig(TrainTable(), config_)});
  if (!written.ok()) return written;
  if (saved_step_ < 0) {
    if (absl::Status recorded = record_.Write(); !recorded.ok()) return recorded;
  }
  saved_step_ = state_.step;
  state_.seconds["checkpoint"] += Progress::WallSeconds() - begin;
  if (absl::Status published = PublishWeights(/*end=*/false); !published.ok()) return published;
  return RemoveOldCheckpoints(config_.output_dir, config_.keep_checkpoints, state_.best_step);
}

absl::Status TrainingRun::PublishWeights(bool end) {
  const bool full = setup_.model->full();
  const std::string& dir = config_.output_dir;
  const auto checkpoint = [&](int64_t step) { return CheckpointPath(dir, step); };
  if (saved_step_ == state_.step) {
    absl::Status linked = LinkTrainedWeights(checkpoint(state_.step), dir, full);
    if (!linked.ok()) return linked;
  } else if (!full) {
    absl::Status written = WriteTrainedWeights(dir, *setup_.model, config_);
    if (!written.ok()) return written;
  }
  if (state_.best_reward && (state_.best_step == saved_step_ || end)) {
    if (absl::Status made = folder_.MakeSubfolder("best"); !made.ok()) return made;
    absl::Status linked = LinkTrainedWeights(checkpoint(state_.best_step), dir + "/best", full);
    if (!linked.ok()) return linked;
  }
  if (!config_.ema || (full && !end)) return absl::OkStatus();
  if (absl::Status made = folder_.MakeSubfolder("ema"); !made.ok()) return made;
  return WriteTrainedWeights(dir + "/ema", *setup_.model, config_, optimizer_.AveragedValues());
}

absl::Status TrainingRun::Publish(bool end) {
  if (absl::Status there = folder_.Check(); !there.ok()) return there;
  if (absl::Status published = PublishWeights(end); !published.ok()) return published;
  CountTotalSeconds();
  return WriteTrainingReport(config_, Status());
}

absl::Status TrainingRun::End(const std::string& why) {
  ended_ = why;
  if (absl::Status saved = Save(); !saved.ok()) return saved;
  if (absl::Status published = Publish(/*end=*/true); !published.ok()) return published;
  for (const auto& [phase, seconds] : state_.seconds) record_.SetSeconds(phase, seconds);
  record_.Set("steps", state_.step);
  record_.Set("skipped_steps", state_.skipped_steps);
  record_.Set("ended", why.empty() ? "finished" : why);
  if (state_.best_reward) {
    record_.Set("best_step", state_.best_step);
    record_.Set("best_reward", *state_.best_reward);
  }
  nlohmann::ordered_json changes = nlohmann::ordered_json::array();
  for (const RunChange& change : state_.changes)
    changes.push_back({{"step", change.step}, {"what", change.what}});
  record_.Set("changes", std::move(changes));
  return record_.Finish();
}

void TrainingRun::Fail(const absl::Status& error) {
  ended_ = std::string(error.message());
  CountTotalSeconds();
  WriteTrainingReport(config_, Status()).IgnoreError();
}

absl::Status TrainingRun::Loop(TrainingLog& log) {
  for (;;) {
    const bool last = state_.step >= config_.max_steps;
    const bool due = state_.step > first_step_ && state_.step % config_.save_interval == 0;
    if (due || last || stop_.asked()) {
      if (absl::Status saved = Save(); !saved.ok()) return saved;
    }
    if (stop_.asked() && !last) return End(stop_.reason());
    const bool validates =
        config_.val_check_interval > 0 && (last || state_.step % config_.val_check_interval == 0);
    if (validates) {
      absl::Status validated = Validate(log, due || last);
      if (absl::IsCancelled(validated) && stop_.asked()) return End(stop_.reason());
      if (!validated.ok()) return validated;
    }
    if (last || !ended_.empty()) return End(last ? "" : ended_);
    if (absl::Status stepped = Step(log); !stepped.ok()) return stepped;
  }
}

RunStatus TrainingRun::Status() const {
  RunStatus status{.step = state_.step,
                   .max_steps = config_.max_steps,
                   .ended = ended_,
                   .warnings = warnings_,
                   .model = std::filesystem::path(config_.model).filename().string(),
                   .trained = DescribeTrained(*setup_.model),
                   .device = setup_.device.name,
                   .memory_mib = PeakBytes(setup_.device) >> 20};
  if (const auto total = state_.seconds.find("total"); total != state_.seconds.end())
    status.seconds = total->second;
  if (state_.best_reward) {
    status.best_step = state_.best_step;
    status.best_reward = state_.best_reward;
  }
  for (const RunChange& change : state_.changes)
    status.changes.push_back(absl::StrCat("after step ", change.step, ": ", change.what));
  return status;
}

}  // namespace draftp
