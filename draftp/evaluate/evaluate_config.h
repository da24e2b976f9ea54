// The settings of an evaluation: one plain struct, its table and its checks.
#ifndef DRAFTP_EVALUATE_EVALUATE_CONFIG_H_
#define DRAFTP_EVALUATE_EVALUATE_CONFIG_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/config/config_load.h"
#include "draftp/config/config_table.h"

namespace draftp {

// Empty texts and sizes of 0 mean "not given". docs/evaluate.md has every member's meaning.
struct EvaluateConfig {
  // Model, prompts, sampling, noise, where to compute: as an annealing run has them. What else it
  // has is filled in for each run that draws (evaluation_plan.h).
  AnnealConfig draw = {};

  // What to compare
  std::vector<std::string> lora = {};  // each on its own: a file or folder, and its weight
  std::string checkpoints = {};        // a training run's folder: the adapters of its validations
  std::string tuned = {};              // folder of a fully fine-tuned UNet
  std::vector<std::string> weight_type = {"base",    "draft",   "linear",
                                          "power_2", "power_4", "step_0.6"};
  std::vector<std::string> lora_scale = {"0.2", "0.4", "0.6", "0.8"};
  std::vector<std::string> pictures = {};  // folders of pictures that anything has drawn

  // By what
  std::vector<std::string> reward = {};
  std::vector<std::string> validation_reward = {};
  std::string embedding = {};  // a CLIP model
  double least_diversity = 0.8;
  int64_t resamples = 2000;

  int64_t images_per_prompt = 16;
  int64_t batch_size = 4;
  std::string output_dir = {};
  bool overwrite = false;

  bool operator==(const EvaluateConfig&) const = default;
};

// Steps of a run with the embedded model where none are typed.
inline constexpr int64_t kEmbeddedSteps = 10;

const ConfigTable<EvaluateConfig>& EvaluateTable();

// The config that the command line (without the program's name) asks for, with the embedded
// bundle in `embedded_dir` (empty: there is none) where it says nothing else. Every error is one
// line, exit code 2.
absl::StatusOr<LoadedConfig<EvaluateConfig>> LoadEvaluateConfig(
    const std::vector<std::string>& arguments, const std::string& user_folder,
    const std::string& embedded_dir);

// Every rule between settings that can be told without reading a file.
absl::Status ValidateEvaluateConfig(const EvaluateConfig& config);

// In the place of weight types: nothing is drawn. In that of scales: no such points.
inline constexpr char kNoPoints[] = "none";

// Whether anything is to be drawn, besides folders of pictures that are there.
inline bool Draws(const EvaluateConfig& config) {
  return config.weight_type != std::vector<std::string>{kNoPoints};
}
inline bool HasScales(const EvaluateConfig& config) {
  return config.lora_scale != std::vector<std::string>{kNoPoints};
}

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_EVALUATE_CONFIG_H_
