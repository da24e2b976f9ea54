#include "draftp/sdxl/sampling_setup.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <limits>
#include <utility>

#include "draftp/schedule/spacings.h"

namespace draftp {

absl::StatusOr<AnySampler> MakeSampler(const SamplingConfig& config) {
  return AnySampler::Named(config.sampler, {.s_churn = config.s_churn,
                                            .s_tmin = config.s_tmin,
                                            .s_tmax = config.s_tmax,
                                            .s_noise = config.s_noise,
                                            .eta = config.eta,
                                            .order = static_cast<int>(config.order),
                                            .gamma = config.gamma});
}

absl::StatusOr<AnyGuider> MakeGuider(const SamplingConfig& config) {
  const bool everywhere = config.guidance_interval == SamplingConfig{}.guidance_interval;
  const auto& [low, high] = config.guidance_interval;
  return AnyGuider::Named(
      config.guider, {.scale = config.guidance_scale,
                      .interval_lo = low,
                      .interval_hi = everywhere ? std::numeric_limits<double>::infinity() : high,
                      .rescale = config.guidance_rescale,
                      .parallel = config.guidance_parallel,
                      .norm = config.guidance_norm});
}

std::string SpacingNotice(const SamplingConfig& config, const SchedulerConfig& scheduler) {
  if (!scheduler.says_trailing || config.discretization == TrailingSpacing::kText.word) return "";
  return absl::StrCat("scheduler_config.json says timestep_spacing trailing, --discretization ",
                      config.discretization, " decides; --discretization trailing does as it says");
}

absl::StatusOr<NoiseSchedule> MakeNoiseSchedule(const SamplingConfig& config,
                                                const SchedulerConfig& scheduler) {
  const auto of_file = [](const std::string& error) {
    return absl::InvalidArgumentError(absl::StrCat("scheduler_config.json: ", error));
  };
  auto table = DdpmTable::MakeScaledLinear(scheduler.beta_start, scheduler.beta_end,
                                           static_cast<int>(scheduler.num_train_timesteps),
                                           scheduler.rescale_betas_zero_snr);
  if (!table.ok()) return of_file(table.error());
  // The text is right by itself: see CheckSampling().
  const auto levels =
      ParseNoiseLevels(config.NoiseLevels(), {*table, static_cast<int>(scheduler.steps_offset)});
  if (!levels.ok()) return of_file(levels.error());
  if (config.steps < 1 || config.steps > levels->max_steps()) {
    return absl::InvalidArgumentError(absl::StrCat("--steps: found ", config.steps,
                                                   ", expected 1 to ", levels->max_steps(),
                                                   " for --discretization ", levels->name()));
  }
  return NoiseSchedule{*std::move(table), levels->Sigmas(static_cast<int>(config.steps))};
}

absl::StatusOr<ImageSize> ChooseSize(const SamplingConfig& config, ImageSize default_size,
                                     int64_t factor) {
  const ImageSize size{config.height > 0 ? config.height : default_size.height,
                       config.width > 0 ? config.width : default_size.width};
  for (const auto& [flag, pixels] :
       {std::pair("--height", size.height), std::pair("--width", size.width)}) {
    if (pixels % factor != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          flag, ": found ", pixels, ", expected a multiple of ", factor, ", the model's factor"));
    }
  }
  return size;
}

}  // namespace draftp
