#include "draftp/train/trainer.h"

#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <system_error>
#include <utility>

#include "draftp/io/atomic_folder.h"
#include "draftp/io/config_json.h"
#include "draftp/io/png.h"
#include "draftp/io/safetensors.h"
#include "draftp/kernels/cuda_backend.h"
#include "draftp/pipeline/exit_code.h"
#include "draftp/pipeline/output_folder.h"
#include "draftp/pipeline/progress.h"
#include "draftp/pipeline/run_record.h"
#include "draftp/train/caption_order.h"
#include "draftp/train/checkpoint.h"
#include "draftp/train/train_step.h"
#include "draftp/train/training_log.h"
#include "draftp/train/training_report.h"
#include "draftp/train/training_setup.h"
#include "draftp/train/validation.h"

namespace draftp {
namespace {

// The most so far: of LibTorch's allocator on a GPU, else of the process.
int64_t PeakMemoryMib(const at::Device& device) {
  const auto backend = device.is_cuda() ? OpenCudaBackend() : absl::UnavailableError("");
  return backend.ok() ? (*backend)->PeakBytes() >> 20 : PeakMemoryKib() / 1024;
}

// A run from its setup to its results.
class TrainingRun {
 public:
  TrainingRun(const TrainConfig& config, TrainingSetup& setup, OutputFolder& folder,
              StopRequest& stop)
      : config_(config),
        setup_(setup),
        folder_(folder),
        stop_(stop),
        order_(static_cast<int64_t>(setup.captions.size()), config.seed),
        step_(*setup.model, *setup.reward, setup.options),
        optimizer_(setup.model->parameters(), OptimizerOptionsOf(config)),
        validation_(*setup.model, *setup.reward, setup.held_out.get(), setup.options,
                    {.prompts = setup.validation_captions,
                     .images_per_prompt = config.images_per_prompt,
                     .batch_size = config.micro_batch_size}) {
    state_.kl_coefficient = setup.kl_schedule.Initial();
  }

  // Goes on from a checkpoint, if --resume finds one. `notices` gets lines for the user.
  absl::Status Resume(std::vector<std::string>& notices);
  // Steps, validations and checkpoints until the end or a request to stop.
  absl::Status Loop(TrainingLog& log);
  absl::Status WriteResults() const;

  const TrainerState& state() const { return state_; }
  bool finished() const { return ended_early_ || state_.step >= config_.max_steps; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::map<std::string, double>& seconds() const { return seconds_; }

 private:
  absl::Status Step(TrainingLog& log);
  absl::StatusOr<MicroBatchResult> MicroBatches();
  absl::Status CheckFirstGradients(const StepRecord& record) const;
  absl::Status Skip(const MicroBatchResult& result, TrainingLog& log);
  StepRecord Record(const MicroBatchResult& result) const;
  absl::Status Validate(TrainingLog& log);
  absl::Status Save();
  // `count` global indices of this step's samples, from the step's `first`.
  std::vector<int64_t> Samples(int64_t first, int64_t count) const;
  std::vector<std::string> CaptionsOf(const std::vector<int64_t>& samples) const;

  const TrainConfig& config_;
  TrainingSetup& setup_;
  OutputFolder& folder_;
  StopRequest& stop_;
  CaptionOrder order_;
  TrainStep step_;
  Optimizer optimizer_;
  Validation validation_;
  TrainerState state_;
  int64_t first_step_ = 0;    // of this process
  int64_t saved_step_ = -1;   // of the newest checkpoint
  bool ended_early_ = false;  // by an alarm
  std::vector<std::string> warnings_;
  std::map<std::string, double> seconds_;
};

absl::Status TrainingRun::Resume(std::vector<std::string>& notices) {
  const std::vector<CheckpointFolder> own = ListCheckpoints(config_.output_dir);
  std::string from = config_.resume;
  if (from == "none") {
    if (own.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("--resume: found none, and checkpoints in ", config_.output_dir,
                     ", expected auto, to go on from them, or another --output_dir"));
  }
  if (from == "auto") {
    if (own.empty()) return absl::OkStatus();
    from = own.back().path;
  }
  const auto state = ReadCheckpoint(from, *setup_.model, optimizer_, config_, notices);
  if (!state.ok()) return AsFailure(state.status());
  state_ = *state;
  first_step_ = state_.step;
  if (!own.empty() && own.back().path == from) saved_step_ = state_.step;
  notices.push_back(absl::StrCat("goes on after step ", state_.step, " from ", from));
  return absl::OkStatus();
}

std::vector<int64_t> TrainingRun::Samples(int64_t first, int64_t count) const {
  std::vector<int64_t> samples(count);
  std::iota(samples.begin(), samples.end(), state_.consumed_samples + first);
  return samples;
}

std::vector<std::string> TrainingRun::CaptionsOf(const std::vector<int64_t>& samples) const {
  std::vector<std::string> captions;
  for (const int64_t sample : samples) captions.push_back(setup_.captions[order_(sample)]);
  return captions;
}

absl::StatusOr<MicroBatchResult> TrainingRun::MicroBatches() {
  const double share = 1.0 / static_cast<double>(config_.micro_batches());
  MicroBatchResult mean;
  for (int64_t m = 0; m < config_.micro_batches(); ++m) {
    const std::vector<int64_t> samples =
        Samples(m * config_.micro_batch_size, config_.micro_batch_size);
    auto result =
        step_.Run(state_.step, samples, CaptionsOf(samples), state_.kl_coefficient, share);
    if (!result.ok()) return result.status();
    optimizer_.AddGradients(std::exchange(result->gradients, {}));
    const at::NoGradGuard no_grad;
    mean.Add(*result, share);
  }
  return mean;
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
    const std::vector<int64_t> samples = Samples(0, config_.global_batch_size);
    const absl::Status dumped = WriteSafetensors(
        path,
        {{"loss", result.loss.cpu()}, {"kl", result.kl.cpu()}, {"rewards", result.rewards.cpu()}},
        {{"step", absl::StrCat(state_.step + 1)},
         {"seed", absl::StrCat(config_.seed)},
         {"samples", absl::StrJoin(samples, ",")},
         {"captions", absl::StrJoin(CaptionsOf(samples), "\n")}});
    if (!dumped.ok()) return dumped;
  }
  log.Say(absl::StrCat("warning: step ", state_.step + 1,
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
  const auto result = MicroBatches();
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
  for (const auto& [phase, seconds] : record.phases) seconds_[phase] += seconds;
  record.memory_mib = PeakMemoryMib(setup_.model->sdxl().unet.placement().device);
  record.seconds = Progress::WallSeconds() - begin;
  return log.Add(record);
}

absl::Status TrainingRun::Validate(TrainingLog& log) {
  const double begin = Progress::WallSeconds();
  const auto result = validation_.Run();
  if (!result.ok()) return result.status();
  if (absl::Status made = folder_.MakeSubfolder("validation"); !made.ok()) return made;
  const std::string path =
      absl::StrFormat("%s/validation/step_%08d.png", config_.output_dir, state_.step);
  if (absl::Status s = WritePng(path, result->sheet, {{"Software", "draftp"}}); !s.ok()) return s;
  const double seconds = Progress::WallSeconds() - begin;
  seconds_["validation"] += seconds;
  const ValidationRecord record{.step = state_.step, .scores = result->scores, .seconds = seconds};
  if (absl::Status added = log.Add(record, result->sheet); !added.ok()) return added;
  const double reward = result->scores.tuned.reward;
  if (!state_.best_reward || reward > *state_.best_reward) {
    state_.best_reward = reward;
    state_.best_step = state_.step;
  }
  for (const std::string& alarm : Alarms(result->scores)) {
    const std::string line = absl::StrCat("after step ", state_.step, " ", alarm);
    warnings_.push_back(line);
    log.Say("warning: reward hacking? " + line);
    ended_early_ = ended_early_ || config_.stop_on_alarm;
  }
  return RemoveOldCheckpoints(config_.output_dir, config_.keep_checkpoints, state_.best_step);
}

absl::Status TrainingRun::Save() {
  if (saved_step_ == state_.step) return absl::OkStatus();
  if (absl::Status there = folder_.Check(); !there.ok()) return there;
  const double begin = Progress::WallSeconds();
  if (absl::Status made = folder_.MakeSubfolder("checkpoints"); !made.ok()) return made;
  if (absl::Status written =
          WriteCheckpoint(config_.output_dir, *setup_.model, optimizer_, state_, config_);
      !written.ok()) {
    return written;
  }
  saved_step_ = state_.step;
  seconds_["checkpoint"] += Progress::WallSeconds() - begin;
  return RemoveOldCheckpoints(config_.output_dir, config_.keep_checkpoints, state_.best_step);
}

absl::Status TrainingRun::Loop(TrainingLog& log) {
  for (;;) {
    const bool last = state_.step >= config_.max_steps;
    const bool due = state_.step > first_step_ && state_.step % config_.save_interval == 0;
    if (due || last || stop_.asked()) {
      if (absl::Status saved = Save(); !saved.ok()) return saved;
    }
    if (stop_.asked()) return absl::OkStatus();
    const bool validates =
        config_.val_check_interval > 0 && (last || state_.step % config_.val_check_interval == 0);
    if (validates) {
      if (absl::Status validated = Validate(log); !validated.ok()) return validated;
    }
    if (last) return absl::OkStatus();
    if (ended_early_) return Save();
    if (absl::Status stepped = Step(log); !stepped.ok()) return stepped;
  }
}

absl::Status TrainingRun::WriteResults() const {
  if (absl::Status s = WriteTrainedWeights(config_.output_dir, *setup_.model, config_); !s.ok())
    return s;
  if (!config_.ema) return absl::OkStatus();
  if (absl::Status made = folder_.MakeSubfolder("ema"); !made.ok()) return made;
  return WriteTrainedWeights(config_.output_dir + "/ema", *setup_.model, config_,
                             optimizer_.AveragedValues());
}

}  // namespace

absl::Status RunTraining(const TrainConfig& config, StopRequest& stop, std::ostream& log,
                         bool terminal) {
  const StopRequest::Run running(stop);
  const double begin = Progress::WallSeconds();
  const auto device = ChooseDevice(config.device, config.dtype);
  if (!device.ok()) return device.status();
  if (!device->notice.empty()) log << "warning: computing on the CPU: " << device->notice << '\n';
  if (config.deterministic) at::globalContext().setDeterministicAlgorithms(true, false);
  const auto warn = [&log](const std::string& line) { log << "warning: " << line << '\n'; };
  auto setup = TrainingSetup::Make(config, *device, warn);
  if (!setup.ok()) return setup.status();
  if (config.dry_run) {
    log << DescribePlan(config, *setup);
    return absl::OkStatus();
  }
  auto folder = OutputFolder::Open(config.output_dir);
  if (!folder.ok()) return folder.status();
  RemoveLeftFolders(config.output_dir + "/checkpoints");

  TrainingRun run(config, *setup, *folder, stop);
  std::vector<std::string> notices;
  if (absl::Status resumed = run.Resume(notices); !resumed.ok()) return resumed;
  for (const std::string& notice : notices) log << notice << '\n';
  RunRecord record(ConfigValuesToJson(TrainTable().Print(config)), config.output_dir, *device,
                   setup->model->sdxl().weight_files);
  record.SetSeconds("load", Progress::WallSeconds() - begin);
  if (absl::Status written = record.Write(); !written.ok()) return written;
  auto training_log = TrainingLog::Open(log, {.output_dir = config.output_dir,
                                              .first_step = run.state().step,
                                              .max_steps = config.max_steps,
                                              .terminal = terminal});
  if (!training_log.ok()) return training_log.status();
  log << DescribePlan(config, *setup) << std::flush;

  if (absl::Status looped = run.Loop(*training_log); !looped.ok()) return looped;
  if (absl::Status closed = training_log->Close(); !closed.ok()) return closed;
  if (!run.finished()) return absl::OkStatus();
  if (absl::Status written = run.WriteResults(); !written.ok()) return written;
  if (absl::Status written = WriteTrainingReport(config, run.warnings()); !written.ok())
    return written;
  for (const auto& [phase, seconds] : run.seconds()) record.SetSeconds(phase, seconds);
  record.SetSeconds("total", Progress::WallSeconds() - begin);
  record.Set("steps", run.state().step);
  record.Set("skipped_steps", run.state().skipped_steps);
  if (absl::Status written = record.Finish(); !written.ok()) return written;
  log << (config.full() ? "unet/" : "pytorch_lora_weights.safetensors") << " and report.html in "
      << config.output_dir << '\n';
  return absl::OkStatus();
}

}  // namespace draftp
