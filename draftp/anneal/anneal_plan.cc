#include "draftp/anneal/anneal_plan.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>

#include "draftp/data/captions.h"
#include "draftp/io/printable.h"
#include "draftp/run/exit_code.h"

namespace draftp {
namespace {

absl::StatusOr<std::vector<std::string>> PromptsOf(const AnnealConfig& config) {
  if (!config.prompt.empty()) return config.prompt;
  auto prompts = ReadCaptions(absl::StrJoin(config.prompts, ","), EmptyCaptions::kKeep);
  if (!prompts.ok()) return prompts.status();
  const auto most = static_cast<size_t>(config.max_prompts);
  if (most > 0 && prompts->captions.size() > most) prompts->captions.resize(most);
  return std::move(prompts->captions);
}

// Skipping a batch of the rank's one stream leaves its starting noise behind, but not what the run
// would have drawn.
absl::Status CheckSkipping(const AnnealConfig& config, const AnySampler& sampler) {
  if (!config.skip_existing || NoiseStreams::PerImage(config.noise) || !sampler.draws_noise())
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--skip_existing: found it beside --noise ", config.noise, " and the sampler ",
                   config.sampling.sampler,
                   ", which draws noise in every step; expected --noise "
                   "per_image or a sampler that draws none"));
}

constexpr int kPair = 2;

absl::Status CheckShare(const AnnealConfig& config, int ranks) {
  if (config.share != kShareModelPair || ranks == kPair) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--share: found ", config.share, " with ", ranks,
                                                 ranks == 1 ? " process" : " processes",
                                                 ", expected ", kPair, " (--nproc ", kPair, ")"));
}

// A weight type names its folder, as typed.
absl::Status CheckFolderNames(const std::vector<Blend>& types) {
  constexpr size_t kLongest = 200;  // bytes; the system's names end at 255
  for (const Blend& type : types) {
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

}  // namespace

std::vector<int64_t> AnnealPlan::Batch(int64_t b) const {
  std::vector<int64_t> indices;
  for (int64_t i = b * batch_size; i < std::min(own_images(), (b + 1) * batch_size); ++i)
    indices.push_back(each_draws_all ? i : rank + i * ranks);
  return indices;
}

int64_t AnnealPlan::own_images() const {
  return each_draws_all ? images() : (images() + ranks - 1 - rank) / ranks;
}

const std::string& AnnealPlan::PromptOf(int64_t image) const {
  return prompts[PromptOfImage(image, images_per_prompt)];
}

absl::StatusOr<AnnealPlan> MakeAnnealPlan(const AnnealConfig& config, int rank, int ranks) {
  if (absl::Status share = CheckShare(config, ranks); !share.ok()) return share;
  if (absl::Status valid = ValidateAnnealConfig(config); !valid.ok()) return valid;
  std::vector<Blend> blends = BlendsOf(config);
  if (absl::Status names = CheckFolderNames(blends); !names.ok()) return names;
  auto sampler = MakeSampler(config.sampling);
  if (!sampler.ok()) return sampler.status();
  if (absl::Status skipping = CheckSkipping(config, *sampler); !skipping.ok()) return skipping;
  auto guider = MakeGuider(config.sampling);
  if (!guider.ok()) return guider.status();
  auto prompts = PromptsOf(config);
  if (!prompts.ok()) return AsFailure(prompts.status());
  if (absl::Status images = CheckImages(config, prompts->size()); !images.ok()) return images;
  const bool pair = config.share == kShareModelPair;
  return AnnealPlan{
      .blends = std::move(blends),
      .prompts = *std::move(prompts),
      .sampler = *std::move(sampler),
      .guider = *std::move(guider),
      .images_per_prompt = config.images_per_prompt,
      .batch_size = config.batch_size,
      .rank = pair ? 0 : rank,
      .ranks = pair ? 1 : ranks,
      .each_draws_all = !config.prompt.empty() && !NoiseStreams::PerImage(config.noise),
      .together = pair ? kPair : 1};
}

std::string DescribeProcesses(const AnnealPlan& plan) {
  if (plan.together > 1) return absl::StrCat(", each image by ", plan.together, " processes");
  return plan.ranks > 1 ? absl::StrCat(", by ", plan.ranks, " processes") : "";
}

int64_t WorkPerImage(const std::vector<Blend>& blends, const NoiseSchedule& schedule) {
  int64_t work = 0;
  for (const Blend& blend : blends) {
    for (int i = 0; i < schedule.steps(); ++i) work += blend.Evaluations(schedule.Step(i));
  }
  return work;
}

}  // namespace draftp
