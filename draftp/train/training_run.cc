#include "draftp/train/training_run.h"

#include <ATen/ops/empty.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "draftp/run/exit_code.h"
#include "draftp/run/process_memory.h"
#include "draftp/run/progress.h"
#include "draftp/train/checkpoint.h"
#include "draftp/train/skipped_step.h"
#include "draftp/train/step_policy.h"
#include "draftp/train/stop_decision.h"
#include "draftp/train/train_identity.h"

namespace draftp {

TrainingRun::TrainingRun(const TrainConfig& config, TrainingSetup& setup, StopRequest& stop,
                         World& world)
    : config_(config),
      setup_(setup),
      stop_(stop),
      world_(world),
      order_(static_cast<int64_t>(setup.captions.size()), config.seed),
      policy_(MakeStepPolicy(config, setup, world)),
      step_(*setup.model, *setup.reward, UnderPolicy(config, setup, policy_)),
      share_(ShareOf(config, world.rank(), world.size(), SumsInOrder(config, setup.device))),
      validation_(
          *setup.model, *setup.reward, setup.held_out.get(), setup.options,
          {.prompts = setup.validation_captions,
           .images_per_prompt = config.images_per_prompt,
           .batch_size = config.micro_batch_size,
           // Of several ranks one alone must not leave.
           .cancelled = [&stop, alone = world.size() == 1] { return alone && stop.asked(); },
           .world = &world}),
      begin_(Progress::WallSeconds()) {
  state_.kl_coefficient = setup.kl_schedule.Initial();
  state_.validation = ValidationHash(config, setup.validation_captions);
}

absl::Status TrainingRun::OnFirst(const std::string& what,
                                  const std::function<absl::Status()>& work) {
  return world_.Agree(what, world_.first() ? work() : absl::OkStatus());
}

absl::Status TrainingRun::Resume(const ResumePoint& point, std::vector<std::string>& notices) {
  absl::Status restored = RestoreCheckpoint(point.folder, point.record, *setup_.model, policy_);
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
        before, config_.max_steps, state_.step + 1, setup_.learning_rate(policy_.steps())));
  }
  if (state_.best_reward && state_.validation != validation) {
    changed("validations draw other pictures: the best reward counts from here");
    state_.best_reward.reset();
  }
  if (state_.validation != validation) state_.best_held_out.reset();
  std::error_code error;
  if (!std::filesystem::exists(CheckpointPath(config_.output_dir, state_.best_step), error))
    state_.best_reward.reset();  // of another folder, or removed by hand: the best from here counts
  state_.validation = validation;
  notices.push_back(absl::StrCat("goes on after step ", state_.step, " from ", point.folder));
  return absl::OkStatus();
}

std::vector<double> TrainingRun::Means(const StepRows& rows, const at::Tensor& norm,
                                       double& norm_value) {
  at::Tensor own;
  {
    const World::Waiting waiting(world_, "the sum of gradients");
    own = rows.rows.cpu();
    norm_value = norm.item<double>();
  }
  const int64_t count = own.size(0), columns = own.size(1);
  const at::Tensor all = at::empty({world_.size(), count, columns}, at::kDouble);
  world_.Gather("the step's means", all, own.contiguous());
  std::vector<double> means(columns);
  const double* const values = all.const_data_ptr<double>();
  for (int64_t m = 0; m < count; ++m) {
    for (int64_t r = 0; r < world_.size(); ++r) {
      for (int64_t c = 0; c < columns; ++c)
        means[c] +=
            values[(r * count + m) * columns + c] / static_cast<double>(all.numel() / columns);
    }
  }
  return means;
}

StepRecord TrainingRun::Record(const std::vector<double>& means) const {
  StepRecord record{.step = state_.step + 1,
                    .consumed_samples = state_.consumed_samples + config_.global_batch_size,
                    .loss = means[0],
                    .reward = means[1],
                    .kl = means[2],
                    .clamped = means[3],
                    .lr = setup_.learning_rate(policy_.steps()),
                    .kl_coefficient = state_.kl_coefficient,
                    .images = config_.global_batch_size};
  const std::vector<RewardMember>& members = setup_.reward->members();
  for (size_t m = 0; m < members.size(); ++m) {
    record.rewards.emplace_back(members[m].reward.name(), means[4 + m]);
    record.reward_norms.emplace_back(members[m].reward.name(), means[4 + members.size() + m]);
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

absl::Status TrainingRun::Skip(const std::vector<double>& means, const at::Tensor& rewards) {
  policy_.DropGradients();
  ++state_.skipped_steps;
  ++state_.skipped_in_a_row;
  const std::string path = config_.output_dir + "/nonfinite_step.safetensors";
  const at::Tensor own = rewards.cpu().contiguous();
  const at::Tensor all = at::empty({world_.size() * own.numel()}, own.options());
  world_.Gather("rewards", all, own);
  absl::Status dumped = OnFirst("the record of a skipped step", [&] {
    std::error_code error;
    absl::Status status = absl::OkStatus();
    if (!std::filesystem::exists(path, error)) {
      status = WriteSkippedStep(path,
                                {.place = Place(),
                                 .seed = config_.seed,
                                 .loss = means[0],
                                 .kl = means[2],
                                 .rewards = all},
                                share_, setup_.captions, order_);
    }
    if (status.ok()) {
      output_->log().Warn(
          absl::StrCat("step ", state_.step + 1,
                       " is skipped: its loss, reward or gradient isn't finite (see ", path, ")"));
    }
    return status;
  });
  if (!dumped.ok() || state_.skipped_in_a_row < config_.max_skipped_steps) return dumped;
  return world_.Agree(
      "the end after skipped steps",
      absl::FailedPreconditionError(
          absl::StrCat(state_.skipped_in_a_row,
                       " steps in a row had a loss, reward or gradient that isn't finite, expected "
                       "fewer than --max_skipped_steps ",
                       config_.max_skipped_steps, "; ", path, " holds the first")));
}

StepPlace TrainingRun::Place() const {
  return {.step = state_.step,
          .first_sample = state_.consumed_samples,
          .kl_coefficient = state_.kl_coefficient};
}

absl::Status TrainingRun::Step() {
  const double begin = Progress::WallSeconds();
  world_.SetStep(state_.step + 1);
  policy_.Begin(share_.micro_batches);
  const auto rows = RunMicroBatches(share_, Place(), setup_.captions, order_, step_, policy_);
  if (!rows.ok()) return rows.status();
  const at::Tensor norm = policy_.GradientNorm();
  double norm_value = 0;
  const std::vector<double> means = Means(*rows, norm, norm_value);
  StepRecord record = Record(means);
  record.grad_norm = norm_value;
  record.skipped = !std::isfinite(record.loss) || !std::isfinite(record.reward) ||
                   !std::isfinite(record.grad_norm);
  if (record.skipped) {
    if (absl::Status skipped = Skip(means, rows->rewards); !skipped.ok()) return skipped;
  } else {
    if (state_.step == first_step_) {
      absl::Status checked = world_.Agree("the first gradients", CheckFirstGradients(record));
      if (!checked.ok()) return checked;
    }
    const double update = Progress::WallSeconds();
    policy_.Step(record.lr, norm);
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
  return output_ ? output_->log().Add(record) : absl::OkStatus();
}

absl::Status TrainingRun::Validate(bool saves) {
  const double begin = Progress::WallSeconds();
  const auto result = validation_.Run();
  policy_.Settle();
  if (!result.ok()) return result.status();
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
  absl::Status told =
      OnFirst("validation", [&] { return output_->Write(*result, state_, seconds); });
  if (!told.ok()) return told;
  for (const std::string& alarm : Alarms(result->scores)) {
    const std::string line = absl::StrCat("after step ", state_.step, " ", alarm);
    warnings_.push_back(line);
    if (output_) output_->log().Warn("reward hacking? " + line);
    if (config_.stop_on_alarm) ended_ = "an alarm: " + line;
  }
  const std::string rule =
      EndsBy(config_.stop_when, result->scores, config_.val_check_interval, state_);
  if (ended_.empty()) ended_ = rule;
  if (absl::Status kept = KeepAdapter(); !kept.ok()) return kept;
  if (best) {
    if (absl::Status saved = Save(); !saved.ok()) return saved;
  }
  absl::Status removed = OnFirst("the removal of checkpoints", [&] {
    return RemoveOldCheckpoints(config_.output_dir, config_.keep_checkpoints, state_.best_step);
  });
  if (!removed.ok()) return removed;
  return Publish(/*end=*/false);
}

absl::Status TrainingRun::KeepAdapter() {
  if (setup_.model->full() || config_.keep_adapters == 0) return absl::OkStatus();
  const auto values = policy_.Values();
  return OnFirst("an adapter", [&] { return output_->Adapter(values, state_.step); });
}

void TrainingRun::CountTotalSeconds() {
  state_.seconds["total"] = earlier_seconds_ + Progress::WallSeconds() - begin_;
}

absl::Status TrainingRun::Save() {
  if (saved_step_ == state_.step) return absl::OkStatus();
  const double begin = Progress::WallSeconds();
  const auto values = policy_.Values(), optimizer = policy_.State();
  absl::Status written = OnFirst("a checkpoint", [&] {
    CountTotalSeconds();
    return output_->Checkpoint(values, optimizer, state_, policy_.steps(),
                               /*first=*/saved_step_ < 0);
  });
  if (!written.ok()) return written;
  saved_step_ = state_.step;
  state_.seconds["checkpoint"] += Progress::WallSeconds() - begin;
  if (absl::Status published = PublishWeights(/*end=*/false); !published.ok()) return published;
  return OnFirst("the removal of checkpoints", [&] {
    return RemoveOldCheckpoints(config_.output_dir, config_.keep_checkpoints, state_.best_step);
  });
}

absl::Status TrainingRun::PublishWeights(bool end) {
  const bool averaged = config_.ema && (!setup_.model->full() || end);
  const auto averages = averaged ? policy_.AveragedValues() : std::map<std::string, at::Tensor>();
  const bool unsaved = saved_step_ != state_.step && !setup_.model->full();
  const auto values = unsaved ? policy_.Values() : std::map<std::string, at::Tensor>();
  return OnFirst("the results", [&] {
    return output_->Weights(values, averages,
                            {.step = state_.step,
                             .saved_step = saved_step_,
                             .best_step = state_.best_reward ? state_.best_step : -1,
                             .end = end});
  });
}

absl::Status TrainingRun::Publish(bool end) {
  if (absl::Status published = PublishWeights(end); !published.ok()) return published;
  return OnFirst("the report", [&] {
    CountTotalSeconds();
    return output_->Report(Status(), end);
  });
}

absl::Status TrainingRun::End(const std::string& why) {
  ended_ = why;
  if (absl::Status saved = Save(); !saved.ok()) return saved;
  if (absl::Status published = Publish(/*end=*/true); !published.ok()) return published;
  return OnFirst("the record", [&] { return output_->Finish(state_, why, world_.size()); });
}

std::string TrainingRun::StopReason() {
  for (const std::string& reason :
       world_.GatherTexts("the reason to stop", stop_.asked() ? stop_.reason() : "")) {
    if (!reason.empty()) return reason;
  }
  return "";
}

void TrainingRun::Fail(const absl::Status& error) {
  ended_ = std::string(error.message());
  CountTotalSeconds();
  if (world_.first()) WriteTrainingReport(config_, Status()).IgnoreError();
}

absl::Status TrainingRun::Loop(TrainingOutput* output) {
  output_ = output;
  for (;;) {
    const bool last = state_.step >= config_.max_steps;
    const bool due = state_.step > first_step_ && state_.step % config_.save_interval == 0;
    const bool stop = world_.Any("the decision to stop", stop_.asked());
    if (due || last || stop) {
      if (absl::Status saved = Save(); !saved.ok()) return saved;
    }
    if (stop && !last) return End(StopReason());
    const bool validates =
        config_.val_check_interval > 0 && (last || state_.step % config_.val_check_interval == 0);
    if (validates) {
      absl::Status validated = Validate(due || last);
      if (absl::IsCancelled(validated) && stop_.asked()) return End(StopReason());
      if (!validated.ok()) return validated;
    }
    if (last || !ended_.empty()) return End(last ? "" : ended_);
    if (absl::Status stepped = Step(); !stepped.ok()) return stepped;
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
