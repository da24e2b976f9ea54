// What --lora says: an adapter, and its weight over the steps where one is typed behind it.
#ifndef DRAFTP_ANNEAL_LORA_ARGUMENT_H_
#define DRAFTP_ANNEAL_LORA_ARGUMENT_H_

#include <absl/status/status.h>

#include <string>
#include <vector>

namespace draftp {

struct LoraArgument {
  std::string path;         // file or folder
  std::string weight = {};  // a weight type's text (docs/schedules.md); empty: none is typed

  bool operator==(const LoraArgument&) const = default;
};

// PATH or PATH:WEIGHT, a weight type, as SplitAdapterArgument takes them apart.
LoraArgument ParseLoraArgument(const std::string& text);
std::vector<LoraArgument> ParseLoraArguments(const std::vector<std::string>& texts);

// Whether a weight is typed behind one of them: then there are no other weight types.
bool HaveTypedWeights(const std::vector<LoraArgument>& loras);

// The error of a weight that means none, beginning with --lora.
absl::Status CheckLoraArguments(const std::vector<LoraArgument>& loras);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_LORA_ARGUMENT_H_
