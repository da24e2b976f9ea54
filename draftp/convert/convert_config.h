// The settings of the convert program.
#ifndef DRAFTP_CONVERT_CONVERT_CONFIG_H_
#define DRAFTP_CONVERT_CONVERT_CONFIG_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "draftp/adapter/scaled_adapter.h"
#include "draftp/config/config_load.h"
#include "draftp/config/config_table.h"
#include "draftp/sdxl/part_paths.h"

namespace draftp {

struct ConvertConfig {
  std::string in = {};                       // what ModelSource::Open takes
  std::string out = {};                      // a folder, or a .safetensors file; mustn't exist
  PartPaths parts = {};                      // in place of what `in` has
  std::string format = "auto";               // auto, hf, single_file
  std::string dtype = "keep";                // keep, float32, float16, bfloat16
  std::string base = {};                     // whose layers an adapter is for; empty: SDXL base's
  bool verify = false;                       // what is written, or `in` where there is no `out`
  std::string extract = {};                  // the model that is subtracted from `in`
  int64_t rank = 32;                         // of extract
  std::string init_random = {};              // structure, as RandomModel takes it, in place of `in`
  uint64_t seed = 0;                         // of init_random
  std::vector<std::string> merge_lora = {};  // as ParseScaledAdapter takes them
  std::string dora_norm = kDoraNormChanged;  // of DoRAs: scaled_adapter.h

  bool writes_lora() const { return format == "lora_diffusers" || format == "lora_kohya"; }

  bool operator==(const ConvertConfig&) const = default;
};

const ConfigTable<ConvertConfig>& ConvertTable();

absl::StatusOr<LoadedConfig<ConvertConfig>> LoadConvertConfig(
    const std::vector<std::string>& arguments, const std::string& user_folder);

}  // namespace draftp

#endif  // DRAFTP_CONVERT_CONVERT_CONFIG_H_
