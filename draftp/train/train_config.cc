#include "draftp/train/train_config.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "draftp/config/config_row.h"
#include "draftp/config/config_value.h"
#include "draftp/io/printable.h"
#include "draftp/run/embedded.h"
#include "draftp/schedule/learning_rate.h"
#include "draftp/shard/any_sharding_policy.h"
#include "draftp/train/train_table.h"

namespace draftp {
namespace {

// With the embedded model, what its folder also has and nothing else names.
void FillEmbedded(const std::string& dir, TrainConfig& config) {
  config.model = dir;
  if (config.reward.empty()) config.reward = {dir + "/reward_model"};
  if (!config.prompts.empty()) return;
  config.prompts = {dir + "/prompts/one_shape_train.txt"};
  if (config.validation_prompts.empty())
    config.validation_prompts = {dir + "/prompts/one_shape_validation.txt"};
}

// auto, none or an absolute path; the original has a boolean.
std::string ResumeFrom(const std::string& text, const std::string& user_folder) {
  if (text == "auto" || text == "none") return text;
  if (const std::optional<bool> if_exists = ParseBool(text)) return *if_exists ? "auto" : "none";
  return AbsolutePath(text, user_folder);
}

// The original's scheme is a LoRA on layers of its own.
void NameSdloraModules(LoadedConfig<TrainConfig>& loaded) {
  TrainConfig& config = loaded.config;
  if (config.peft_scheme != "sdlora") return;
  config.peft_scheme = "lora";
  if (config.target_modules == TrainConfig{}.target_modules) {
    config.target_modules = {"sdlora"};
  } else if (loaded.flags.contains("peft_scheme")) {
    loaded.notices.push_back(
        "--peft_scheme has no effect in this run: sdlora is layers, and --target_modules has "
        "others");
  }
}

absl::Status CheckRecomputedParts(const TrainConfig& config) {
  for (const std::string& part : config.recomputed_parts) {
    if (part != "unet" && part != "decoder" && part != "reward")
      return InvalidFlag("recomputed_parts", Quoted(part), "unet, decoder or reward");
  }
  return absl::OkStatus();
}

absl::Status CheckBetas(const TrainConfig& config) {
  const auto& [first, second] = config.betas;
  if (first < 1 && second < 1) return absl::OkStatus();
  return InvalidFlag("betas", absl::StrCat(FormatDouble(first), ",", FormatDouble(second)),
                     "two numbers from 0 to below 1, as 0.9,0.999");
}

// A schedule says it all.
absl::Status CheckLearningRate(const TrainConfig& config) {
  if (config.lr.constant()) return absl::OkStatus();
  for (const auto& [key, given] : {std::pair("lr_schedule", config.lr_schedule != "constant"),
                                   {"warmup_steps", config.warmup_steps != 0}}) {
    if (given) return InvalidFlag(key, "it beside --lr " + config.lr.name(), "one of the two");
  }
  return absl::OkStatus();
}

// What is typed replaces a file's shorthands of the same.
void DropShorthands(const std::set<std::string>& typed, TrainConfig& config) {
  if (typed.contains("lr") && !config.lr.constant()) {
    if (!typed.contains("lr_schedule")) config.lr_schedule = TrainConfig{}.lr_schedule;
    if (!typed.contains("warmup_steps")) config.warmup_steps = TrainConfig{}.warmup_steps;
  }
  DropShorthands(typed, config.sampling);
}

absl::Status CheckBatches(const TrainConfig& config) {
  if (config.global_batch_size % config.micro_batch_size == 0) return absl::OkStatus();
  return InvalidFlag("global_batch_size", absl::StrCat(config.global_batch_size),
                     absl::StrCat("a multiple of --micro_batch_size ", config.micro_batch_size));
}

absl::Status CheckTruncation(const TrainConfig& config) {
  const std::string most = absl::StrCat("at most --steps ", config.sampling.steps);
  if (config.truncation_steps > config.sampling.steps)
    return InvalidFlag("truncation_steps", absl::StrCat(config.truncation_steps), most);
  if (config.late_steps > config.sampling.steps)
    return InvalidFlag("late_steps", absl::StrCat(config.late_steps), most);
  return absl::OkStatus();
}

absl::Status CheckShardFrozen(const TrainConfig& config) {
  if (!config.shard_frozen) return absl::OkStatus();
  if (!kShardingPolicies.Takes(config.sharding, "blocks")) {
    return InvalidFlag("shard_frozen", "it beside --sharding " + config.sharding,
                       "--sharding " + kShardingPolicies.TakersOf("blocks"));
  }
  if (config.reward_device.empty()) return absl::OkStatus();
  return InvalidFlag("shard_frozen", "it beside --reward_device " + config.reward_device,
                     "one of the two");
}

// What the rules read must be measured.
absl::Status CheckStopRules(const TrainConfig& config) {
  for (const AnyStopRule& rule : config.stop_when) {
    if (rule.reads_held_out() && config.validation_reward.empty()) {
      return InvalidFlag("stop_when", rule.name() + " without --validation_reward",
                         "a held-out reward for it to read");
    }
    if (rule.reads_diversity() && config.images_per_prompt < 2) {
      return InvalidFlag("stop_when", rule.name() + " with --images_per_prompt 1",
                         "2 or more, of which diversity is measured");
    }
  }
  return absl::OkStatus();
}

}  // namespace

AnyLearningRate TrainConfig::LearningRate() const {
  if (!lr.constant()) return lr;
  const int64_t rest = std::max<int64_t>(max_steps - warmup_steps, 1);
  const AnyLearningRate after =
      lr_schedule == "cosine" ? AnyLearningRate(CosineRate(lr(0), 0.0, rest)) : lr;
  return AnyLearningRate(WarmupRate<AnyLearningRate>(warmup_steps, after));
}

const ConfigTable<TrainConfig>& TrainTable() {
  static const auto* const table = new ConfigTable<TrainConfig>(MakeTrainTable());
  return *table;
}

absl::StatusOr<LoadedConfig<TrainConfig>> LoadTrainConfig(const std::vector<std::string>& arguments,
                                                          const std::string& user_folder,
                                                          const std::string& embedded_dir) {
  auto loaded = LoadConfig(TrainTable(), arguments, user_folder);
  if (!loaded.ok() || loaded->help) return loaded;
  const std::string& model = loaded->config.model;
  const bool embedded = (model.empty() || model == "embedded") && !embedded_dir.empty();
  std::error_code error;
  std::string rules_file = loaded->config_file;
  const std::string recipe = embedded_dir + "/train.yaml";
  if (embedded && loaded->config_file.empty() && std::filesystem::exists(recipe, error)) {
    std::vector<std::string> with_recipe = {"--config=" + recipe};
    with_recipe.insert(with_recipe.end(), arguments.begin(), arguments.end());
    loaded = LoadConfig(TrainTable(), with_recipe, user_folder);
    if (!loaded.ok()) return loaded;
    loaded->config_file.clear();
    rules_file = "the embedded model's train.yaml";
    loaded->notices.push_back("no --model: the embedded model with its recipe train.yaml");
  }
  TrainConfig& config = loaded->config;
  if (embedded) FillEmbedded(embedded_dir, config);
  TrainTable().TransformPaths(
      config, [&](const std::string& path) { return ExpandEmbedded(path, embedded_dir); });
  config.resume = ResumeFrom(config.resume, user_folder);
  NameSdloraModules(*loaded);
  DropShorthands(loaded->flags, config);
  const absl::Status status = ValidateTrainConfig(config);
  if (!status.ok()) return WithConfigFile(status, *loaded, rules_file);
  FillShorthands(config.sampling);
  const std::vector<std::string> idle = TrainTable().WithoutEffect(loaded->flags, config);
  loaded->notices.insert(loaded->notices.end(), idle.begin(), idle.end());
  return loaded;
}

absl::Status ValidateTrainConfig(const TrainConfig& config) {
  if (absl::Status status = TrainTable().Check(config); !status.ok()) return status;
  if (config.model.empty()) return InvalidFlag("model", "none", "an SDXL folder");
  if (config.reward.empty()) return InvalidFlag("reward", "none", "a reward model's folder");
  if (config.prompts.empty()) return InvalidFlag("prompts", "none", "files of captions");
  if (config.full() && !config.lora.empty())
    return InvalidFlag("lora", "it beside full fine-tuning", "a --lora_rank above 0");
  if (absl::Status sampling = CheckSampling(config.sampling); !sampling.ok()) return sampling;
  for (const auto& check : {CheckTruncation, CheckBatches, CheckBetas, CheckLearningRate,
                            CheckRecomputedParts, CheckShardFrozen, CheckStopRules}) {
    if (absl::Status status = check(config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace draftp
