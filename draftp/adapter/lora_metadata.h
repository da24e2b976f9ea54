// The part of peft's LoraConfig that diffusers keeps beside the tensors of an adapter.
#ifndef DRAFTP_ADAPTER_LORA_METADATA_H_
#define DRAFTP_ADAPTER_LORA_METADATA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// Values by pattern of layer paths, in the order in which peft tries them.
using LoraPatterns = std::vector<std::pair<std::string, double>>;

struct LoraMetadata {
  std::optional<double> rank;   // of layers that no rank pattern matches
  std::optional<double> alpha;  // likewise
  LoraPatterns rank_pattern;
  LoraPatterns alpha_pattern;
  bool use_rslora = false;  // scale = alpha / sqrt(rank): Kalajdzievski, 2023

  // Of the layer at `path`; none where the metadata say nothing.
  std::optional<double> RankOf(const std::string& path) const;
  std::optional<double> AlphaOf(const std::string& path) const;
};

// `text`: JSON as in a file's "lora_adapter_metadata"; `prefix`: what its keys begin with ("unet.",
// or nothing). `source` is for messages. Errors: bad JSON, a value of another type or not finite, a
// pattern that is a regular expression rather than a path, and variants of LoRA that compute
// something else (use_dora, use_qalora, lora_bias).
absl::StatusOr<LoraMetadata> ParseLoraMetadata(const std::string& source, const std::string& text,
                                               const std::string& prefix);

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_LORA_METADATA_H_
