// The part of peft's LoraConfig that diffusers keeps beside the tensors of an adapter.
#ifndef DRAFTP_ADAPTER_LORA_METADATA_H_
#define DRAFTP_ADAPTER_LORA_METADATA_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace draftp {

// A value for the layers whose paths a regular expression matches from a dot, or their beginning,
// to their end: peft's re.match(rf"(.*\.)?({text})$", path).
struct LoraPattern {
  std::string text;
  double value;
  std::shared_ptr<const std::regex> regex = nullptr;  // null for the end of a path, without signs
};

// In the file's order, in which peft tries them.
using LoraPatterns = std::vector<LoraPattern>;

struct LoraMetadata {
  std::optional<double> rank;   // of layers that no rank pattern matches
  std::optional<double> alpha;  // likewise
  LoraPatterns rank_pattern;
  LoraPatterns alpha_pattern;
  bool use_rslora = false;  // scale = alpha / sqrt(rank): Kalajdzievski, 2023
  bool use_dora = false;    // each layer has a magnitude

  // Of the layer at `path`; none where the metadata say nothing.
  std::optional<double> RankOf(const std::string& path) const;
  std::optional<double> AlphaOf(const std::string& path) const;
};

// `text`: JSON as in a file's "lora_adapter_metadata" or adapter_config.json; `prefix`: what its
// keys begin with ("unet.", or nothing). `source` and `where` are for messages. Errors: bad JSON, a
// value of another type or not finite, a pattern that is no regular expression (ECMAScript's, where
// peft takes Python's: what both share), another peft_type than LORA, and variants of LoRA that
// compute something else (use_qalora, lora_bias, fan_in_fan_out).
absl::StatusOr<LoraMetadata> ParseLoraMetadata(const std::string& source, const std::string& text,
                                               const std::string& prefix,
                                               const std::string& where = "lora_adapter_metadata");

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_LORA_METADATA_H_
