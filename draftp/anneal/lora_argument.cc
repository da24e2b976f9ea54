#include "draftp/anneal/lora_argument.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "draftp/io/printable.h"
#include "draftp/schedule/parse_weighing.h"

namespace draftp {
namespace {

bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// Of the last colon outside of parentheses; npos: there is none.
size_t LastColon(const std::string& text) {
  int depth = 0;
  for (size_t i = text.size(); i-- > 0;) {
    if (text[i] == ')') ++depth;
    if (text[i] == '(') --depth;
    if (text[i] == ':' && depth == 0) return i;
  }
  return std::string::npos;
}

}  // namespace

LoraArgument ParseLoraArgument(const std::string& text) {
  const size_t colon = LastColon(text);
  if (colon == std::string::npos || colon == 0 || IsThere(text)) return {.path = text};
  const LoraArgument weighed{.path = text.substr(0, colon), .weight = text.substr(colon + 1)};
  if (weighed.weight.empty()) return {.path = text};
  const bool means_one = ParseWeighing(weighed.weight).ok();
  const bool is_there = weighed.path.starts_with('/') && IsThere(weighed.path);
  return means_one || is_there ? weighed : LoraArgument{.path = text};
}

std::vector<LoraArgument> ParseLoraArguments(const std::vector<std::string>& texts) {
  std::vector<LoraArgument> loras;
  for (const std::string& text : texts) loras.push_back(ParseLoraArgument(text));
  return loras;
}

bool HaveOwnWeights(const std::vector<LoraArgument>& loras) {
  return loras.size() > 1 ||
         std::ranges::any_of(loras, [](const LoraArgument& lora) { return !lora.weight.empty(); });
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
