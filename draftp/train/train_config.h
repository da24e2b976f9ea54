// The settings of a training run: one plain struct, its table and its checks.
#ifndef DRAFTP_TRAIN_TRAIN_CONFIG_H_
#define DRAFTP_TRAIN_TRAIN_CONFIG_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "draftp/config/config_load.h"
#include "draftp/config/config_table.h"
#include "draftp/objective/align_prop.h"
#include "draftp/objective/kl_weight.h"
#include "draftp/schedule/kl_schedule.h"
#include "draftp/schedule/learning_rate.h"
#include "draftp/sdxl/part_paths.h"
#include "draftp/sdxl/sampling_config.h"
#include "draftp/train/stop_rules.h"

namespace draftp {

// Empty texts and sizes of 0 mean "not given". docs/training.md has every member's meaning.
struct TrainConfig {
  // Models
  std::string model = {};                           // SDXL: folder, or single file
  std::vector<std::string> reward = {};             // DIR[:weight[:offset[:scale]]]
  std::vector<std::string> validation_reward = {};  // likewise, not trained on
  std::string lora = {};                            // an adapter to start from
  PartPaths parts = {};
  bool activation_checkpointing = false;
  std::vector<std::string> recomputed_parts = {"unet", "decoder", "reward"};

  // Data
  std::vector<std::string> prompts = {};             // files and patterns
  std::vector<std::string> validation_prompts = {};  // likewise; empty: the first of `prompts`

  // What is trained
  std::string peft_scheme = "lora";  // lora, none
  int64_t lora_rank = 32;            // 0: the whole UNet
  double lora_alpha = 0;             // 0: the rank
  std::vector<std::string> target_modules = {"diffusers"};

  // Objective
  std::string objective = "draft_k";  // a name of AnyObjective::Names()
  int64_t truncation_steps = 1;
  int64_t late_steps = 0;
  int64_t copies = 2;
  AlignProp::Draw truncation_draw = AlignProp::Draw::kUniform;
  double refl_margin = 100;
  double refl_weight = 1;
  AnyKlSchedule kl_coeff = ConstantKl(0.1);
  KlWeight kl_weight = KlWeight::kOne;

  // Optimiser
  AnyLearningRate lr = ConstantRate(2.5e-4);
  std::string lr_schedule = "constant";  // constant, cosine
  int64_t warmup_steps = 0;
  double weight_decay = 5e-4;
  std::pair<double, double> betas = {0.9, 0.999};
  double gradient_clip_val = 10;
  bool ema = false;
  double ema_decay = 0.9999;

  SamplingConfig sampling = {};

  // Running
  int64_t max_steps = 1000;
  int64_t micro_batch_size = 1;
  int64_t global_batch_size = 4;
  uint64_t seed = 1243;
  int64_t max_skipped_steps = 5;  // non-finite ones in a row
  std::string device = "auto";
  std::string dtype = "auto";
  std::string memory = "fast";     // or balanced
  int64_t num_nodes = 0;           // hosts that must be there; 0: any number
  std::string reward_device = {};  // of decoder and rewards; empty: `device`
  bool deterministic = false;
  bool cuda_graph = true;
  std::string sharding = "replicated";  // a name of kShardingPolicies
  bool shard_frozen = false;            // text encoders, decoder and rewards, too
  int64_t nproc = 1;                    // processes on this machine
  double timeout = 600;                 // seconds

  // Output
  std::string output_dir = {};  // empty: draftp_train, or draftp_train_2, ...
  std::string resume = "auto";  // auto, none or a checkpoint's folder
  bool resume_changed = false;
  int64_t save_interval = 100;
  int64_t keep_checkpoints = 3;
  int64_t keep_adapters = -1;  // of validations; -1: all
  int64_t val_check_interval = 50;
  int64_t validation_images = 8;  // prompts drawn at a validation
  int64_t images_per_prompt = 2;
  bool stop_on_alarm = false;
  std::vector<AnyStopRule> stop_when = {};  // any of them
  std::string dry_run = "off";              // plan, probe

  bool full() const { return lora_rank == 0 || peft_scheme == "none"; }
  // Whether the backward pass computes the activations of `part` (unet, decoder, reward) again.
  bool Recomputes(const std::string& part) const {
    return activation_checkpointing &&
           std::ranges::find(recomputed_parts, part) != recomputed_parts.end();
  }
  // `lr`, a constant one as its shorthands --lr_schedule and --warmup_steps have it.
  AnyLearningRate LearningRate() const;
  int64_t micro_batches() const { return global_batch_size / micro_batch_size; }

  bool operator==(const TrainConfig&) const = default;
};

// The one table: flags, keys, the original's keys, units, defaults, ranges, help.
const ConfigTable<TrainConfig>& TrainTable();

// The config that the command line (without the program's name) asks for, valid on its own. Without
// a model and a config file, {embedded_dir}/train.yaml is read first, and what it leaves out of
// model, reward and prompts is the embedded ones'. `embedded_dir` empty: there is none. Every error
// is one line, exit code 2.
absl::StatusOr<LoadedConfig<TrainConfig>> LoadTrainConfig(const std::vector<std::string>& arguments,
                                                          const std::string& user_folder,
                                                          const std::string& embedded_dir);

// Every rule that holds whatever the models: ranges, names, batch sizes that divide, K <= N.
absl::Status ValidateTrainConfig(const TrainConfig& config);

}  // namespace draftp

#endif  // DRAFTP_TRAIN_TRAIN_CONFIG_H_
