// Strict scalar parsing for configuration values, on top of std::from_chars.
#include "draftp/config/config_value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr size_t kLongestQuote = 60;  // bytes

template <class T>
std::optional<T> ParseWhole(const std::string& text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

}  // namespace

std::string DescribeForMessage(const ConfigValue& value) {
  switch (value.kind) {
    case ConfigValue::Kind::kNull:
      return "nothing";
    case ConfigValue::Kind::kList:
      return value.items.empty() ? "an empty list" : "a list";
    case ConfigValue::Kind::kMap:
      return "a map";
    case ConfigValue::Kind::kNested:
      return "a list of more than plain values";
    case ConfigValue::Kind::kReference:
      return "the reference " + Quoted(value.text, kLongestQuote);
    case ConfigValue::Kind::kText:
    case ConfigValue::Kind::kNumber:
    case ConfigValue::Kind::kBool:
      break;
  }
  return value.text.empty() ? "an empty text" : Quoted(value.text, kLongestQuote);
}

std::optional<int64_t> ParseInt64(const std::string& text) { return ParseWhole<int64_t>(text); }

std::optional<uint64_t> ParseUint64(const std::string& text) { return ParseWhole<uint64_t>(text); }

std::optional<double> ParseFiniteDouble(const std::string& text) {
  const std::optional<double> value = ParseWhole<double>(text);
  return value.has_value() && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<bool> ParseBool(const std::string& text) {
  static constexpr std::array<const char*, 10> kTrue = {"true", "True", "TRUE", "yes", "Yes",
                                                        "YES",  "on",   "On",   "ON",  "1"};
  static constexpr std::array<const char*, 10> kFalse = {"false", "False", "FALSE", "no",  "No",
                                                         "NO",    "off",   "Off",   "OFF", "0"};
  for (const char* name : kTrue) {
    if (text == name) return true;
  }
  for (const char* name : kFalse) {
    if (text == name) return false;
  }
  return std::nullopt;
}

std::string FormatDouble(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), result.ptr);
}

std::vector<std::string> SplitTopLevel(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') --depth;
    if (c == ',' && depth <= 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) {
    const size_t begin = part.find_first_not_of(" \t");
    const size_t end = part.find_last_not_of(" \t");
    part = begin == std::string::npos ? std::string() : part.substr(begin, end - begin + 1);
  }
  return parts;
}

bool HasControlCharacter(const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  }
  return false;
}

}  // namespace draftp
