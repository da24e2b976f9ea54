// Where the embedded model lies: beside the program in the package, in its runfiles under Bazel.
#ifndef DRAFTP_PIPELINE_EMBEDDED_H_
#define DRAFTP_PIPELINE_EMBEDDED_H_

#include <absl/status/statusor.h>

#include <string>

namespace draftp {

// Folder of the embedded SDXL (model_index.json, lora/, prompts/, reward_model/). NotFound lists
// where it was sought.
absl::StatusOr<std::string> EmbeddedModelDir();

}  // namespace draftp

#endif  // DRAFTP_PIPELINE_EMBEDDED_H_
