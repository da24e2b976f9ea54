// Values as configuration sources give them (text, lists, nothing), and the strict parsing of their
// scalars.
#ifndef DRAFTP_CONFIG_CONFIG_VALUE_H_
#define DRAFTP_CONFIG_CONFIG_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace draftp {

// One value of a YAML or JSON file, an override or a flag. Sources don't know the type of a field,
// so scalars stay text until the field parses them; kNumber and kBool tell the JSON writer to print
// the text without quotes.
struct ConfigValue {
  enum class Kind : uint8_t { kNull, kText, kNumber, kBool, kList, kMap, kNested, kReference };

  Kind kind = Kind::kNull;
  std::string text = {};                // of kText, kNumber, kBool, kReference
  std::vector<std::string> items = {};  // of kList: its scalars

  static ConfigValue Null() { return {}; }
  static ConfigValue Text(std::string text) { return {Kind::kText, std::move(text), {}}; }
  static ConfigValue Number(std::string text) { return {Kind::kNumber, std::move(text), {}}; }
  static ConfigValue Bool(bool value) { return {Kind::kBool, value ? "true" : "false", {}}; }
  static ConfigValue List(std::vector<std::string> items) {
    return {Kind::kList, {}, std::move(items)};
  }
  // What no field accepts: an empty map, a list that holds more than scalars, an OmegaConf
  // `${key}`.
  static ConfigValue Map() { return {Kind::kMap, {}, {}}; }
  static ConfigValue Nested() { return {Kind::kNested, {}, {}}; }
  static ConfigValue Reference(std::string text) { return {Kind::kReference, std::move(text), {}}; }

  bool IsScalar() const {
    return kind == Kind::kText || kind == Kind::kNumber || kind == Kind::kBool;
  }
  bool operator==(const ConfigValue&) const = default;
};

// What a message says was found: `"abc"`, `a list`, `a map`, `an empty text`, `nothing`.
std::string DescribeForMessage(const ConfigValue& value);

// Decimal integers with nothing around them; no sign for ParseUint64, at most a '-' for ParseInt64.
std::optional<int64_t> ParseInt64(const std::string& text);
std::optional<uint64_t> ParseUint64(const std::string& text);

// A finite decimal number (`5`, `0.5`, `1e-4`, `.5`): no inf, nan, hexadecimal or overflow.
std::optional<double> ParseFiniteDouble(const std::string& text);

// true, false, yes, no, on, off (also capitalised or in capitals), 1, 0.
std::optional<bool> ParseBool(const std::string& text);

// The shortest decimal text that ParseFiniteDouble reads back to the same bits.
std::string FormatDouble(double value);

// Splits at commas outside of (), [] and {}; strips spaces and tabs around each part; keeps empty
// parts.
std::vector<std::string> SplitTopLevel(const std::string& text);

bool HasControlCharacter(const std::string& text);  // U+0000 to U+001F or U+007F

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_VALUE_H_
