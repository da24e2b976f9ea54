// The settings of an annealing run: one plain struct, its table and its checks.
#ifndef DRAFTP_ANNEAL_ANNEAL_CONFIG_H_
#define DRAFTP_ANNEAL_ANNEAL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/adapter/scaled_adapter.h"
#include "draftp/config/config_load.h"
#include "draftp/config/config_table.h"
#include "draftp/sampling/parse_blending.h"
#include "draftp/sdxl/part_paths.h"
#include "draftp/sdxl/sampling_config.h"

namespace draftp {

// What several processes share, for --share.
inline constexpr char kShareImages[] = "images";         // each draws its part of the images
inline constexpr char kShareModelPair[] = "model_pair";  // two draw each image (model_pair.h)

// What the adapters' own weights weigh, for --blend.
inline constexpr char kBlendPrediction[] = "prediction";  // of each adapter's model
inline constexpr char kBlendWeights[] = "weights";        // of one model with all of them

// Empty texts and sizes of 0 mean "not given". docs/configuration.md has every member's meaning.
struct AnnealConfig {
  // Models
  std::string model = {};              // SDXL: folder in diffusers' layout, or single file
  std::vector<std::string> lora = {};  // each a file or folder, and its weight (lora_argument.h)
  double lora_scale = 1.0;
  std::string dora_norm = kDoraNormChanged;  // of DoRAs: scaled_adapter.h
  std::string blend = kBlendPrediction;
  std::string tuned = {};             // folder of a fully fine-tuned UNet
  std::string explicit_log_dir = {};  // a training run's folder, for its newest checkpoint
  PartPaths parts = {};

  // What to draw
  // Empty where the adapters have weights of their own.
  std::vector<std::string> weight_type = {"base",    "draft",   "linear",
                                          "power_2", "power_4", "step_0.6"};
  std::vector<std::string> prompt = {};   // replace the prompt files
  std::vector<std::string> prompts = {};  // files, patterns, folders: ReadCaptions
  int64_t max_prompts = 0;                // the first so many of the files; 0: all
  std::string negative_prompt = {};
  int64_t images_per_prompt = 1;

  SamplingConfig sampling = {};
  std::string noise = "per_image";  // or original
  uint64_t seed = 1243;

  // Running
  int64_t batch_size = 1;
  std::string device = "auto";   // auto, cpu, cuda, cuda:i
  std::string dtype = "auto";    // auto, float32, bfloat16
  std::string decoder = "auto";  // auto, float16, tf32, float32
  std::string memory = "auto";   // auto, or of kMemoryModes
  std::string output_dir = {};   // empty: annealed_outputs, or annealed_outputs_2, ...
  bool skip_existing = false;
  bool overwrite = false;
  int64_t nproc = 1;  // processes that the program starts on this machine
  std::string share = kShareImages;
  double timeout = 600;         // seconds
  std::string dry_run = "off";  // plan, probe

  bool operator==(const AnnealConfig&) const = default;
};

// The one table: flags, keys, the original's keys, units, defaults, ranges, help.
const ConfigTable<AnnealConfig>& AnnealTable();

// The config that the command line (without the program's name) asks for, valid on its own;
// defaults of the bundle aren't filled in (see anneal_bundle.h). `user_folder`: see UserFolder.
// Every error is one line, exit code 2.
absl::StatusOr<LoadedConfig<AnnealConfig>> LoadAnnealConfig(
    const std::vector<std::string>& arguments, const std::string& user_folder);

// Every rule that holds whatever the bundle: ranges, names, exclusive members, steps of the
// discretisation, sizes, weight types. InvalidArgument names the flag, what was found and expected.
absl::Status ValidateAnnealConfig(const AnnealConfig& config);

// What weight types `texts` mean under `config`. InvalidArgument begins with --weight_type.
absl::StatusOr<std::vector<BlendType>> ParseBlendTypes(const std::vector<std::string>& texts,
                                                       const AnnealConfig& config);

// Whether the adapters' own weights are the one weight type: one is typed behind an adapter, or
// there are several and weight_type is left as it was or empty.
bool HaveOwnWeights(const AnnealConfig& config);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_CONFIG_H_
