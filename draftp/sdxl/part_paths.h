// What stands in for single parts of a model, with the rows of it.
#ifndef DRAFTP_SDXL_PART_PATHS_H_
#define DRAFTP_SDXL_PART_PATHS_H_

#include <string>

#include "draftp/config/config_table.h"

namespace draftp {

// A member `parts` of a program's config. Empty: the model's own part counts. A network is the
// folder that diffusers or transformers write, the folder of a whole model, or a file: a single
// file that has the part, or diffusers' or transformers' own, whose config is then SDXL base's. A
// tokenizer is a folder.
struct PartPaths {
  std::string unet = {}, vae = {}, text_encoder = {}, text_encoder_2 = {};
  std::string tokenizer = {}, tokenizer_2 = {};

  bool operator==(const PartPaths&) const = default;
};

// For ConfigTable::Append.
const ConfigTable<PartPaths>& PartRows();

}  // namespace draftp

#endif  // DRAFTP_SDXL_PART_PATHS_H_
