#include "draftp/train/training_setup.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>

#include "draftp/data/captions.h"
#include "draftp/reward/clip_reward.h"
#include "draftp/run/exit_code.h"
#include "draftp/sdxl/model_argument.h"
#include "draftp/sdxl/sampling_setup.h"
#include "draftp/sdxl/unused_tensors.h"

namespace draftp {
namespace {

// What can't be a model, before anything is read.
absl::Status CheckModels(const TrainConfig& config) {
  if (absl::Status model = CheckModelArgument(config.model); !model.ok()) return model;
  if (absl::Status lora = CheckNoHubName("--lora", config.lora); !lora.ok()) return lora;
  for (const auto& [flag, specs] : {std::pair("--reward", &config.reward),
                                    std::pair("--validation_reward", &config.validation_reward)}) {
    for (const std::string& spec : *specs) {
      absl::Status reward = CheckNoHubName(flag, spec.substr(0, spec.find(':')));
      if (!reward.ok()) return reward;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<CaptionSet> Captions(const std::vector<std::string>& files) {
  auto captions = ReadCaptions(absl::StrJoin(files, ","), EmptyCaptions::kSkip);
  return captions.ok() ? captions : AsFailure(captions.status());
}

absl::StatusOr<std::unique_ptr<CompositeReward>> LoadReward(const std::vector<std::string>& specs,
                                                            const SdxlModel& sdxl,
                                                            const ComputeDevice& device,
                                                            const TrainConfig& config) {
  const auto parsed = CompositeReward::ParseSpecs(absl::StrJoin(specs, ","));
  if (!parsed.ok()) return parsed.status();
  auto reward =
      CompositeReward::Load(*parsed, {.placement = device.decoder(),
                                      .fallback_tokenizer = &sdxl.tokenizer,
                                      .pieces = RecomputeIf(config.Recomputes("reward"))});
  if (!reward.ok()) return AsFailure(reward.status());
  return std::make_unique<CompositeReward>(*std::move(reward));
}

absl::StatusOr<SdxlStepOptions> StepOptions(const TrainConfig& config, const SdxlModel& sdxl,
                                            const ComputeDevice& device,
                                            std::function<void(const std::string&)> warn) {
  const auto schedule = MakeNoiseSchedule(config.sampling, sdxl.scheduler);
  if (!schedule.ok()) return schedule.status();
  const auto size = ChooseSize(config.sampling, sdxl.default_size, sdxl.vae.config.Downsampling());
  if (!size.ok()) return size.status();
  const auto guider = MakeGuider(config.sampling);
  if (!guider.ok()) return guider.status();
  const auto sampler = MakeSampler(config.sampling);
  if (!sampler.ok()) return sampler.status();
  const auto objective = AnyObjective::Named(
      config.objective, {.steps = static_cast<int>(config.sampling.steps),
                         .truncation_steps = static_cast<int>(config.truncation_steps),
                         .late_steps = static_cast<int>(config.late_steps),
                         .copies = static_cast<int>(config.copies),
                         .margin = config.refl_margin,
                         .weight = config.refl_weight,
                         .normal_draw = config.truncation_draw == AlignProp::Draw::kNormal});
  if (!objective.ok()) return objective.status();
  // Every micro batch launches the same kernels with the same numbers.
  const bool repeats =
      objective->fixed_window() && !sampler->draws_noise() && config.kl_coeff.constant();
  return SdxlStepOptions{
      .draw = {.size = *size,
               .guider = *guider,
               .sampler = *sampler,
               .schedule = *schedule,
               .preconditioning = {sdxl.scheduler.prediction_type, schedule->table}},
      .objective = *objective,
      .kl_weight = config.kl_weight,
      .seed = config.seed,
      .unet_pieces = RecomputeIf(config.Recomputes("unet")),
      .decoder_pieces = RecomputeIf(config.Recomputes("decoder")),
      .capture = config.cuda_graph && repeats && device.is_cuda() && !device.placed(),
      .warn = std::move(warn)};
}

// Diversity is that of a reward's image embeddings.
absl::Status CheckDiversityIsMeasured(const TrainConfig& config, const CompositeReward& reward) {
  for (const RewardMember& member : reward.members()) {
    if (member.reward.As<ClipReward>() != nullptr) return absl::OkStatus();
  }
  for (const AnyStopRule& rule : config.stop_when) {
    if (!rule.reads_diversity()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--stop_when: found ", rule.name(),
                     ", expected a --reward with an image tower, by which diversity is measured"));
  }
  return absl::OkStatus();
}

}  // namespace

bool SumsInOrder(const TrainConfig& config, const ComputeDevice& device) {
  return config.deterministic && !device.is_cuda();
}

OptimizerOptions OptimizerOptionsOf(const TrainConfig& config) {
  return {.beta1 = config.betas.first,
          .beta2 = config.betas.second,
          .weight_decay = config.weight_decay,
          .gradient_clip_val = config.gradient_clip_val,
          .ema_decay = config.ema ? config.ema_decay : 0.0};
}

absl::StatusOr<TrainingSetup> TrainingSetup::Make(const TrainConfig& config,
                                                  const ComputeDevice& device,
                                                  std::function<void(const std::string&)> warn) {
  if (absl::Status models = CheckModels(config); !models.ok()) return models;
  auto captions = Captions(config.prompts);
  if (!captions.ok()) return captions.status();
  auto shown = config.validation_prompts.empty() ? captions : Captions(config.validation_prompts);
  if (!shown.ok()) return shown.status();
  if (shown->captions.size() > static_cast<size_t>(config.validation_images))
    shown->captions.resize(config.validation_images);
  auto model = TrainingModel::Load(config, device);
  if (!model.ok()) return model.status();
  const SdxlModel& sdxl = (*model)->sdxl();
  auto options = StepOptions(config, sdxl, device, std::move(warn));
  if (!options.ok()) return options.status();
  std::vector<std::string> notices = {SkippedNotice(*captions),
                                      SpacingNotice(config.sampling, sdxl.scheduler),
                                      UnusedTensorsNotice(sdxl)};
  std::erase(notices, "");
  auto reward = LoadReward(config.reward, sdxl, device, config);
  if (!reward.ok()) return reward.status();
  if (absl::Status measured = CheckDiversityIsMeasured(config, **reward); !measured.ok())
    return measured;
  std::unique_ptr<CompositeReward> held_out;
  if (!config.validation_reward.empty()) {
    auto loaded = LoadReward(config.validation_reward, sdxl, device, config);
    if (!loaded.ok()) return loaded.status();
    held_out = *std::move(loaded);
  }
  return TrainingSetup{.device = device,
                       .captions = std::move(captions->captions),
                       .validation_captions = std::move(shown->captions),
                       .model = *std::move(model),
                       .reward = *std::move(reward),
                       .held_out = std::move(held_out),
                       .options = *std::move(options),
                       .learning_rate = config.LearningRate(),
                       .kl_schedule = config.kl_coeff,
                       .notices = std::move(notices)};
}

}  // namespace draftp
