// Reads model_index.json, the file that makes a folder an SDXL pipeline.
#ifndef DRAFTP_MODEL_PIPELINE_CONFIG_H_
#define DRAFTP_MODEL_PIPELINE_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "draftp/io/json_file.h"

namespace draftp {

struct PipelineConfig {
  // Without a negative prompt, the unconditional embeddings are zeros instead of those of "". True
  // if the file is silent, as in diffusers.
  bool force_zeros_for_empty_prompt;
};

// The file of a StableDiffusionXLPipeline whose components are of the classes that draftp has.
// Errors name file, key, value and what is supported.
absl::StatusOr<PipelineConfig> ParsePipelineConfig(JsonReader json);

// ParsePipelineConfig of a file.
absl::StatusOr<PipelineConfig> ReadPipelineConfig(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_MODEL_PIPELINE_CONFIG_H_
