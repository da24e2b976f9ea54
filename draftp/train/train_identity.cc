#include "draftp/train/train_identity.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>

#include "draftp/config/config_row.h"
#include "draftp/io/file_hash.h"
#include "draftp/reward/composite_reward.h"
#include "draftp/sdxl/model_files.h"
#include "draftp/sdxl/model_source.h"

namespace draftp {
namespace {

// Paths, whose contents are hashed instead; where and how a run computes, up to rounding; how long
// it goes on; what it writes and tells.
bool Decides(const std::string& key) {
  static const std::vector<std::string> keys = {"model",
                                                "reward",
                                                "lora",
                                                "unet",
                                                "vae",
                                                "text_encoder",
                                                "text_encoder_2",
                                                "tokenizer",
                                                "tokenizer_2",
                                                "prompts",
                                                "peft_scheme",
                                                "activation_checkpointing",
                                                "device",
                                                "reward_device",
                                                "micro_batch_size",
                                                "recomputed_parts",
                                                "cuda_graph",
                                                "deterministic",
                                                "dtype",
                                                "memory",
                                                "sharding",
                                                "shard_frozen",
                                                "nproc",
                                                "num_nodes",
                                                "timeout",
                                                "max_steps",
                                                "save_interval",
                                                "keep_checkpoints",
                                                "keep_adapters",
                                                "output_dir",
                                                "resume",
                                                "resume_changed",
                                                "dry_run",
                                                "stop_on_alarm",
                                                "stop_when",
                                                "validation_images",
                                                "quiet",
                                                "images_per_prompt",
                                                "validation_reward",
                                                "max_skipped_steps",
                                                "val_check_interval",
                                                "validation_prompts"};
  return std::ranges::find(keys, key) == keys.end();
}

std::vector<CompositeReward::Spec> Specs(const TrainConfig& config) {
  auto specs = CompositeReward::ParseSpecs(absl::StrJoin(config.reward, ","));
  return specs.ok() ? *std::move(specs) : std::vector<CompositeReward::Spec>{};
}

std::string HashOf(const std::vector<std::string>& texts) {
  return Sha256OfText(absl::StrJoin(texts, std::string(1, '\0')));
}

}  // namespace

std::vector<InputFile> TrainInputs(const TrainConfig& config) {
  std::vector<InputFile> files = ModelFiles(config.model, config.parts);
  const auto add = [&](const std::vector<InputFile>& more) {
    files.insert(files.end(), more.begin(), more.end());
  };
  if (!config.lora.empty()) add(LoraFiles(config.lora));
  const std::vector<CompositeReward::Spec> specs = Specs(config);
  for (size_t i = 0; i < specs.size(); ++i)
    add(RewardFiles(specs[i].path, absl::StrCat("reward ", i + 1)));
  return files;
}

RunIdentity TrainIdentity(const TrainConfig& config, const std::vector<std::string>& captions,
                          const std::string& dtype,
                          const std::map<std::string, std::string>& hashes) {
  RunIdentity identity{.settings = {{"dtype", dtype}}, .inputs = hashes};
  for (const auto& [key, value] : TrainTable().Print(config)) {
    const bool of_file = !config.lora.empty() &&
                         (key == "lora_rank" || key == "lora_alpha" || key == "target_modules");
    // Runs from before these rows go on: their defaults change nothing.
    const bool idle = absl::StartsWith(key, "guidance_") && !TrainTable().HasEffect(key, config);
    if (Decides(key) && !of_file && !idle) identity.settings[key] = PlainText(value);
  }
  if (config.full()) identity.settings.insert_or_assign("lora_rank", absl::StrCat(0));
  std::vector<std::string> rewards;
  for (const CompositeReward::Spec& spec : Specs(config))
    rewards.push_back(absl::StrFormat("%g:%g:%g", spec.weight, spec.offset, spec.scale));
  identity.settings["reward"] = absl::StrJoin(rewards, ",");
  identity.inputs["captions"] = HashOf(captions);
  return identity;
}

std::string ValidationHash(const TrainConfig& config, const std::vector<std::string>& captions) {
  std::vector<std::string> texts = captions;
  texts.push_back(absl::StrCat(config.images_per_prompt));
  return HashOf(texts);
}

}  // namespace draftp
