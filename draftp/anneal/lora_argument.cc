#include "draftp/anneal/lora_argument.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "draftp/adapter/scaled_adapter.h"
#include "draftp/io/printable.h"
#include "draftp/schedule/parse_weighing.h"

namespace draftp {

LoraArgument ParseLoraArgument(const std::string& text) {
  AdapterArgument split = SplitAdapterArgument(
      text, [](const std::string& weight) { return ParseWeighing(weight).ok(); });
  return {.path = std::move(split.path), .weight = std::move(split.factor)};
}

std::vector<LoraArgument> ParseLoraArguments(const std::vector<std::string>& texts) {
  std::vector<LoraArgument> loras;
  for (const std::string& text : texts) loras.push_back(ParseLoraArgument(text));
  return loras;
}

bool HaveTypedWeights(const std::vector<LoraArgument>& loras) {
  return std::ranges::any_of(loras, [](const LoraArgument& lora) { return !lora.weight.empty(); });
}

absl::Status CheckLoraArguments(const std::vector<LoraArgument>& loras) {
  for (const LoraArgument& lora : loras) {
    if (lora.weight.empty()) continue;
    const auto weight = ParseWeighing(lora.weight);
    if (!weight.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--lora: behind ", Printable(lora.path, 4096), ": ", weight.error()));
    }
  }
  return absl::OkStatus();
}

}  // namespace draftp
