#include "draftp/adapter/scaled_adapter.h"

#include <cstddef>
#include <filesystem>
#include <system_error>

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

AdapterArgument SplitAdapterArgument(const std::string& text,
                                     const std::function<bool(const std::string&)>& means_one) {
  const size_t colon = LastColon(text);
  if (colon == std::string::npos || colon == 0 || IsThere(text)) return {.path = text};
  AdapterArgument split{.path = text.substr(0, colon), .factor = text.substr(colon + 1)};
  if (split.factor.empty()) return {.path = text};
  const bool is_there = split.path.starts_with('/') && IsThere(split.path);
  return is_there || means_one(split.factor) ? split : AdapterArgument{.path = text};
}

}  // namespace draftp
