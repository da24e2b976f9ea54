// Which files an adapter is: found by their names, before any of them is opened.
#ifndef DRAFTP_ADAPTER_ADAPTER_SOURCE_H_
#define DRAFTP_ADAPTER_ADAPTER_SOURCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "draftp/checkpoint/weight_files.h"

namespace draftp {

struct AdapterSource {
  WeightFiles weights;
  std::string config = {};  // peft's adapter_config.json; empty: there is none
};

// `path`: a .safetensors file, or a folder, in which the first of these is taken:
// pytorch_lora_weights (diffusers), adapter_model (peft), in any form of FindWeightFiles, or the
// one .safetensors file that is there. An adapter_config.json counts beside an adapter_model. A
// folder with several other files, or none, is an error that says what it has.
absl::StatusOr<AdapterSource> FindAdapter(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_ADAPTER_SOURCE_H_
