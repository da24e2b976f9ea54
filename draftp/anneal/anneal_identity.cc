#include "draftp/anneal/anneal_identity.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "draftp/anneal/lora_argument.h"
#include "draftp/config/config_row.h"
#include "draftp/io/file_hash.h"
#include "draftp/io/last_name.h"
#include "draftp/sdxl/model_files.h"
#include "draftp/sdxl/model_source.h"

namespace draftp {
namespace {

using Texts = std::map<std::string, std::string>;

constexpr char kFineTuned[] = "fine-tuned/";
constexpr char kBaseUNet[] = "model/unet/";

// Whether a setting decides the pixels: options of samplers and discretisations where the chosen
// ones take them.
bool DecidesPixels(const std::string& key, const AnnealConfig& config) {
  static const std::vector<std::string> always = {"steps", "guidance_scale", "sampler",
                                                  "discretization", "noise"};
  static const std::vector<std::string> options = {"sigma_min",
                                                   "sigma_max",
                                                   "rho",
                                                   "s_churn",
                                                   "s_tmin",
                                                   "s_tmax",
                                                   "s_noise",
                                                   "eta",
                                                   "order",
                                                   "gamma",
                                                   "guidance_rescale",
                                                   "guidance_interval",
                                                   "guider",
                                                   "guidance_parallel",
                                                   "guidance_norm"};
  if (std::ranges::find(always, key) != always.end()) return true;
  if (key == "batch_size")
    return !NoiseStreams::PerImage(config.noise);  // its stream is drawn by batches
  if (key == "s_churn" && config.sampling.s_churn == 0) return false;
  return std::ranges::find(options, key) != options.end() && AnnealTable().HasEffect(key, config);
}

bool HasGroup(const Texts& inputs, const std::string& prefix) {
  const auto first = inputs.lower_bound(prefix);
  return first != inputs.end() && absl::StartsWith(first->first, prefix);
}

Texts Group(const Texts& inputs, const std::string& prefix) {
  Texts group;
  for (const auto& [role, hash] : inputs) {
    if (absl::StartsWith(role, prefix)) group[role] = hash;
  }
  return group;
}

}  // namespace

std::vector<InputFile> AnnealInputs(const AnnealConfig& config) {
  std::vector<InputFile> files = ModelFiles(config.model, config.parts);
  std::vector<InputFile> tuned;
  if (!config.tuned.empty()) tuned = TunedFiles(config.tuned);
  const std::vector<LoraArgument> loras = ParseLoraArguments(config.lora);
  for (size_t i = 0; i < loras.size(); ++i) {
    for (InputFile& file : LoraFiles(loras[i].path)) {
      if (loras.size() > 1) file.role.insert(sizeof(kFineTuned) - 1, absl::StrCat(i + 1, "/"));
      tuned.push_back(std::move(file));
    }
  }
  files.insert(files.end(), tuned.begin(), tuned.end());
  return files;
}

Texts PictureSettings(const AnnealConfig& config, const AnnealPlan& plan, ImageSize size,
                      const ComputeDevice& device) {
  Texts settings = {{"height", std::to_string(size.height)},
                    {"width", std::to_string(size.width)},
                    {"dtype", DtypeName(device)}};
  if (device.decoder_products == DecoderProducts::kFloat16) settings["decoder"] = "float16";
  for (const auto& [key, value] : AnnealTable().Print(config)) {
    if (DecidesPixels(key, config)) settings[key] = PlainText(value);
  }
  if (!NoiseStreams::PerImage(config.noise) && !plan.each_draws_all && plan.ranks > 1)
    settings["nproc"] = std::to_string(plan.ranks);
  return settings;
}

RunIdentity AnnealIdentity(const AnnealConfig& config, const AnnealPlan& plan,
                           Texts picture_settings, const Texts& hashes) {
  RunIdentity identity{std::move(picture_settings), hashes};
  identity.settings["seed"] = std::to_string(config.seed);
  identity.settings["images_per_prompt"] = std::to_string(config.images_per_prompt);
  identity.settings["negative_prompt"] = config.negative_prompt;
  if (!NoiseStreams::PerImage(config.noise) && !plan.each_draws_all)
    identity.settings["nproc"] = std::to_string(plan.ranks);  // streams of noise
  if (HasGroup(hashes, kFineTuned) && config.tuned.empty()) {
    identity.settings["lora_scale"] = nlohmann::json(config.lora_scale).dump();
    if (DoraNormNamed(config.dora_norm) != DoraNorm::kChanged)
      identity.settings["dora_norm"] = config.dora_norm;
  }
  if (HaveOwnWeights(config)) identity.settings["lora"] = plan.blends[0].text;
  identity.inputs["prompts"] = Sha256OfText(absl::StrJoin(plan.prompts, std::string(1, '\0')));
  return identity;
}

bool IsUsed(const std::string& role, const std::vector<Blend>& blends,
            const NoiseSchedule& schedule, bool tuned_unet) {
  const bool fine_tuned = absl::StartsWith(role, kFineTuned);
  const bool base_unet = tuned_unet && absl::StartsWith(role, kBaseUNet);
  if (!fine_tuned && !base_unet) return true;
  return std::ranges::any_of(blends, [&](const Blend& blend) {
    for (int i = 0; i < schedule.steps(); ++i) {
      if (Evaluates(blend.blending.At(schedule.Step(i)), fine_tuned)) return true;
    }
    return false;
  });
}

std::vector<std::string> AnnealDifferences(const RunIdentity& before, RunIdentity now) {
  for (const char* prefix : {kFineTuned, kBaseUNet}) {
    if (HasGroup(before.inputs, prefix)) continue;
    for (const auto& [role, hash] : Group(now.inputs, prefix)) now.inputs.erase(role);
    if (prefix != kFineTuned) continue;
    now.settings.erase("lora_scale");
    now.settings.erase("dora_norm");
  }
  return Differences(before, now);
}

std::vector<PngText> MadeBy(const AnnealConfig& config, const RunIdentity& used,
                            const Texts& picture_settings) {
  std::vector<PngText> text = {{"model", LastName(config.model)},
                               {"model_sha256", CombinedHash(Group(used.inputs, "model/"))}};
  if (const Texts tuned = Group(used.inputs, kFineTuned); !tuned.empty()) {
    const std::string kind = config.tuned.empty() ? "lora" : "tuned";
    std::vector<std::string> names;
    for (const LoraArgument& lora : ParseLoraArguments(config.lora))
      names.push_back(LastName(lora.path));
    text.push_back(
        {kind, config.tuned.empty() ? absl::StrJoin(names, ", ") : LastName(config.tuned)});
    text.push_back({kind + "_sha256", CombinedHash(tuned)});
    if (config.tuned.empty())
      text.push_back({"lora_scale", nlohmann::json(config.lora_scale).dump()});
    if (used.settings.contains("dora_norm"))
      text.push_back({"dora_norm", used.settings.at("dora_norm")});
  }
  text.push_back({"settings", nlohmann::json(picture_settings).dump()});
  return text;
}

}  // namespace draftp
