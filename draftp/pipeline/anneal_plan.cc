#include "draftp/pipeline/anneal_plan.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "draftp/io/printable.h"
#include "draftp/pipeline/exit_code.h"
#include "draftp/schedule/edm_karras.h"
#include "draftp/schedule/leading_spacing.h"
#include "draftp/schedule/legacy_ddpm.h"
#include "draftp/schedule/trailing_spacing.h"
#include "draftp/text/prompts.h"

namespace draftp {
namespace {

absl::StatusOr<std::vector<std::string>> PromptsOf(const AnnealConfig& config) {
  if (!config.prompt.empty()) return config.prompt;
  auto prompts = ReadPrompts(config.prompts);
  const auto most = static_cast<size_t>(config.max_prompts);
  if (prompts.ok() && most > 0 && prompts->size() > most) prompts->resize(most);
  return prompts;
}

// Skipping a batch of the rank's one stream leaves its starting noise behind, but not what the run
// would have drawn.
absl::Status CheckSkipping(const AnnealConfig& config, const AnySampler& sampler) {
  if (!config.skip_existing || config.noise != "original" || !sampler.draws_noise())
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--skip_existing: found it beside --noise original and the sampler ", config.sampler,
      ", which draws noise in every step; expected --noise "
      "per_image or a sampler that draws none"));
}

// A weight type names its folder, as typed.
absl::Status CheckFolderNames(const std::vector<WeightType>& types) {
  constexpr size_t kLongest = 200;  // bytes; the system's names end at 255
  for (const WeightType& type : types) {
    if (type.text.size() <= kLongest) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--weight_type: found ", Quoted(type.text, 60), " of ", type.text.size(),
        " characters, expected at most ", kLongest, ", since it names a folder of pictures"));
  }
  return absl::OkStatus();
}

// More would fill memory with their names before the first is drawn.
absl::Status CheckImages(const AnnealConfig& config, size_t prompts) {
  constexpr int64_t kMostImages = 1'000'000;  // of each weight type
  const auto most = kMostImages / static_cast<int64_t>(prompts);
  if (most == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--prompts: found ", prompts,
                                                   " prompts, expected at most ", kMostImages,
                                                   "; --max_prompts takes the first"));
  }
  if (config.images_per_prompt <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--images_per_prompt: found ", config.images_per_prompt, " of ", prompts,
                   " prompts, expected at most ", most, ", ", kMostImages, " images altogether"));
}

// Levels of any family, with the family's limit as an error that names the flags.
template <class L>
absl::StatusOr<std::vector<double>> LevelsOf(const L& levels, int64_t steps) {
  if (steps < 1 || steps > levels.max_steps()) {
    return absl::InvalidArgumentError(absl::StrCat("--steps: found ", steps, ", expected 1 to ",
                                                   levels.max_steps(), " for --discretization ",
                                                   levels.name()));
  }
  return levels.Sigmas(static_cast<int>(steps));
}

}  // namespace

std::vector<int64_t> AnnealPlan::Batch(int64_t b) const {
  std::vector<int64_t> indices;
  for (int64_t i = b * batch_size; i < std::min(images(), (b + 1) * batch_size); ++i)
    indices.push_back(i);
  return indices;
}

const std::string& AnnealPlan::PromptOf(int64_t image) const {
  return prompts[PromptOfImage(image, images_per_prompt)];
}

absl::StatusOr<AnySampler> MakeSampler(const AnnealConfig& config) {
  return AnySampler::Named(config.sampler, {.s_churn = config.s_churn,
                                            .s_tmin = config.s_tmin,
                                            .s_tmax = config.s_tmax,
                                            .s_noise = config.s_noise,
                                            .eta = config.eta,
                                            .order = static_cast<int>(config.order)});
}

absl::StatusOr<AnnealPlan> MakeAnnealPlan(const AnnealConfig& config) {
  auto weight_types = ParseWeightTypes(config);
  if (!weight_types.ok()) return weight_types.status();
  if (absl::Status names = CheckFolderNames(*weight_types); !names.ok()) return names;
  auto sampler = MakeSampler(config);
  if (!sampler.ok()) return sampler.status();
  if (absl::Status skipping = CheckSkipping(config, *sampler); !skipping.ok()) return skipping;
  auto guider = AnyGuider::Make({.scale = config.guidance_scale});
  if (!guider.ok()) return guider.status();
  auto prompts = PromptsOf(config);
  if (!prompts.ok()) return AsFailure(prompts.status());
  if (absl::Status images = CheckImages(config, prompts->size()); !images.ok()) return images;
  return AnnealPlan{.weight_types = *std::move(weight_types),
                    .prompts = *std::move(prompts),
                    .sampler = *std::move(sampler),
                    .guider = *std::move(guider),
                    .images_per_prompt = config.images_per_prompt,
                    .batch_size = config.batch_size};
}

absl::StatusOr<NoiseSchedule> MakeNoiseSchedule(const AnnealConfig& config,
                                                const SchedulerConfig& scheduler) {
  auto table = DdpmTable::MakeScaledLinear(scheduler.beta_start, scheduler.beta_end,
                                           static_cast<int>(scheduler.num_train_timesteps));
  if (!table.ok())
    return absl::InvalidArgumentError(absl::StrCat("scheduler_config.json: ", table.error()));
  const auto sigmas = [&]() -> absl::StatusOr<std::vector<double>> {
    if (config.discretization == "edm") {
      const auto levels = EdmKarras::Make(config.sigma_min, config.sigma_max, config.rho);
      if (!levels.ok()) return absl::InvalidArgumentError(levels.error());
      return LevelsOf(*levels, config.steps);
    }
    if (config.discretization == "trailing") return LevelsOf(TrailingSpacing(*table), config.steps);
    if (config.discretization == "leading") {
      const auto levels = LeadingSpacing::Make(static_cast<int>(scheduler.steps_offset), *table);
      if (!levels.ok())
        return absl::InvalidArgumentError(absl::StrCat("scheduler_config.json: ", levels.error(),
                                                       " with --discretization leading"));
      return LevelsOf(*levels, config.steps);
    }
    return LevelsOf(LegacyDdpm(*table), config.steps);
  }();
  if (!sigmas.ok()) return sigmas.status();
  return NoiseSchedule{*std::move(table), *sigmas};
}

absl::StatusOr<PictureSize> ChooseSize(const AnnealConfig& config, int64_t default_size,
                                       int64_t factor) {
  const PictureSize size{config.height > 0 ? config.height : default_size,
                         config.width > 0 ? config.width : default_size};
  for (const auto& [flag, pixels] :
       {std::pair("--height", size.height), std::pair("--width", size.width)}) {
    if (pixels % factor != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          flag, ": found ", pixels, ", expected a multiple of ", factor, ", the model's factor"));
    }
  }
  return size;
}

int ModelsInStep(const AnyWeighing& weighing, const StepContext& step) {
  const double weight = weighing(step);
  return (weight != 0.0) + (weight != 1.0);
}

int64_t WorkPerImage(const std::vector<WeightType>& weight_types, const NoiseSchedule& schedule) {
  int64_t work = 0;
  for (const WeightType& type : weight_types) {
    for (int i = 0; i < schedule.steps(); ++i)
      work += ModelsInStep(type.weighing, schedule.Step(i));
  }
  return work;
}

}  // namespace draftp
