// Readers and printers of the row kinds.
#include "draftp/config/config_row.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/config/config_value.h"
#include "draftp/io/utf8.h"

namespace draftp {
namespace {

// The values of a parser over scalar text, kept within [low, high] where those are given.
template <class T>
std::function<std::optional<T>(const ConfigValue&)> ScalarWithin(
    std::optional<T> (*parse)(const std::string&), T low, T high) {
  return [=](const ConfigValue& value) -> std::optional<T> {
    if (!value.IsScalar()) return std::nullopt;
    const std::optional<T> parsed = parse(value.text);
    return parsed.has_value() && *parsed >= low && *parsed <= high ? parsed : std::nullopt;
  };
}

bool IsText(const ConfigValue& value) {
  return value.IsScalar() && value.text.find('\0') == std::string::npos && IsUtf8(value.text);
}

ConfigValue TextOrNull(const std::string& text) {
  return text.empty() ? ConfigValue::Null() : ConfigValue::Text(text);
}

std::string NumberText(double value) {
  const bool is_whole = std::abs(value) < 1e15 && std::trunc(value) == value;
  return is_whole ? absl::StrCat(static_cast<int64_t>(value)) : FormatDouble(value);
}

}  // namespace

std::vector<ConfigChoice> ChoicesNamed(const std::vector<std::string>& names) {
  std::vector<ConfigChoice> choices;
  for (const std::string& name : names) choices.push_back({.name = name});
  return choices;
}

ConfigRow<int64_t> IntegerRow(int64_t low, int64_t high) {
  return {absl::StrCat("an integer from ", low, " to ", high),
          ScalarWithin<int64_t>(ParseInt64, low, high),
          [](const int64_t& value) { return ConfigValue::Number(absl::StrCat(value)); }};
}

ConfigRow<uint64_t> SeedRow() {
  return {absl::StrCat("an integer from 0 to ", UINT64_MAX),
          ScalarWithin<uint64_t>(ParseUint64, 0, UINT64_MAX),
          [](const uint64_t& value) { return ConfigValue::Number(absl::StrCat(value)); }};
}

ConfigRow<double> NumberRow(double low, double high) {
  return {absl::StrCat("a number from ", NumberText(low), " to ", NumberText(high)),
          ScalarWithin<double>(ParseFiniteDouble, low, high),
          [](const double& value) { return ConfigValue::Number(FormatDouble(value)); }};
}

ConfigRow<bool> SwitchRow() {
  return {"true or false",
          [](const ConfigValue& value) {
            return value.IsScalar() ? ParseBool(value.text) : std::nullopt;
          },
          [](const bool& value) { return ConfigValue::Bool(value); }};
}

ConfigRow<std::string> ModeRow(std::vector<std::string> names) {
  return {absl::StrCat("false, ", absl::StrJoin(names, ", "), " or true, which is ", names.front()),
          [names](const ConfigValue& value) -> std::optional<std::string> {
            if (!value.IsScalar()) return std::nullopt;
            if (const std::optional<bool> on = ParseBool(value.text))
              return *on ? names.front() : "off";
            const bool known = std::find(names.begin(), names.end(), value.text) != names.end();
            return known ? std::optional(value.text) : std::nullopt;
          },
          [](const std::string& mode) {
            return mode == "off" ? ConfigValue::Bool(false) : ConfigValue::Text(mode);
          }};
}

ConfigRow<std::string> ChoiceRow(std::vector<ConfigChoice> choices) {
  std::vector<std::string> names;
  for (const ConfigChoice& choice : choices) names.push_back(choice.name);
  const std::string expected = absl::StrJoin(names, ", ");
  const auto parse =
      [choices = std::move(choices)](const ConfigValue& value) -> std::optional<std::string> {
    if (!value.IsScalar()) return std::nullopt;
    for (const ConfigChoice& choice : choices) {
      if (value.text == choice.name) return choice.name;
      for (const std::string& alias : choice.aliases) {
        const bool is_class = std::isupper(static_cast<unsigned char>(alias[0])) != 0;
        const std::string ending = "." + alias;
        const bool is_class_path =
            is_class && value.text.size() > ending.size() &&
            value.text.compare(value.text.size() - ending.size(), std::string::npos, ending) == 0;
        const std::optional<bool> on = ParseBool(alias);
        const bool is_switch = on && ParseBool(value.text) == on;  // True, yes, ...
        if (value.text == alias || is_class_path || is_switch) return choice.name;
      }
    }
    return std::nullopt;
  };
  return {expected, parse, [](const std::string& value) { return ConfigValue::Text(value); }};
}

ConfigRow<std::string> FormRow(std::vector<ConfigChoice> choices,
                               std::function<bool(const std::string&)> accepts,
                               std::string expected) {
  const ConfigRow<std::string> choice = ChoiceRow(std::move(choices));
  const ConfigRow<std::string> word = WordRow(std::move(accepts), std::move(expected));
  return {word.expected,
          [choice, word](const ConfigValue& value) {
            std::optional<std::string> name = choice.parse(value);
            return name.has_value() ? name : word.parse(value);
          },
          word.print};
}

ConfigRow<std::string> WordRow(std::function<bool(const std::string&)> accepts,
                               std::string expected) {
  return {std::move(expected),
          [accepts = std::move(accepts)](const ConfigValue& value) -> std::optional<std::string> {
            const bool is_word = IsText(value) && !HasControlCharacter(value.text);
            return is_word && accepts(value.text) ? std::optional(value.text) : std::nullopt;
          },
          [](const std::string& text) { return ConfigValue::Text(text); }};
}

ConfigRow<std::string> TextRow(bool allow_empty) {
  return {allow_empty ? "UTF-8 text" : "UTF-8 text that isn't empty",
          [=](const ConfigValue& value) -> std::optional<std::string> {
            const bool is_given = allow_empty || !value.text.empty();
            return IsText(value) && is_given ? std::optional(value.text) : std::nullopt;
          },
          [=](const std::string& text) {
            return allow_empty ? ConfigValue::Text(text) : TextOrNull(text);
          }};
}

ConfigRow<std::string> PathRow() {
  const auto accepts = [](const std::string& text) { return !text.empty(); };
  ConfigRow<std::string> row = WordRow(accepts, "a path in UTF-8 without control characters");
  row.print = TextOrNull;
  return row;
}

ConfigRow<std::vector<std::string>> ListRow() {
  return {"a list of words, separated by commas",
          [](const ConfigValue& value) -> std::optional<std::vector<std::string>> {
            std::vector<std::string> items = value.items;
            if (value.IsScalar()) items = SplitTopLevel(value.text);
            const auto is_word = [](const std::string& item) {
              return !item.empty() && IsUtf8(item) && !HasControlCharacter(item);
            };
            const bool is_list = value.IsScalar() || value.kind == ConfigValue::Kind::kList;
            if (!is_list || items.empty()) return std::nullopt;
            if (!std::all_of(items.begin(), items.end(), is_word)) return std::nullopt;
            return items;
          },
          [](const std::vector<std::string>& items) {
            return items.empty() ? ConfigValue::Null() : ConfigValue::List(items);
          }};
}

ConfigRow<std::vector<std::string>> TextListRow(ConfigRow<std::string> text) {
  ConfigRow<std::vector<std::string>> row = ListRow();
  row.expected = absl::StrCat(text.expected, ", or a list of such");
  row.parse = [text = std::move(text)](
                  const ConfigValue& value) -> std::optional<std::vector<std::string>> {
    std::vector<std::string> items = value.items;
    if (value.IsScalar()) items = {value.text};
    const auto is_text = [&](const std::string& item) {
      return text.parse(ConfigValue::Text(item)).has_value();
    };
    const bool is_list = value.IsScalar() || value.kind == ConfigValue::Kind::kList;
    if (!is_list || items.empty() || !std::all_of(items.begin(), items.end(), is_text))
      return std::nullopt;
    return items;
  };
  return row;
}

ConfigRow<std::pair<double, double>> PairRow(double low, double high) {
  using Pair = std::pair<double, double>;
  return {absl::StrCat("two numbers from ", NumberText(low), " to ", NumberText(high),
                       ", separated by a comma"),
          [row = NumberRow(low, high)](const ConfigValue& value) -> std::optional<Pair> {
            std::vector<std::string> items = value.items;
            if (value.IsScalar()) items = SplitTopLevel(value.text);
            if (items.size() != 2) return std::nullopt;
            const auto first = row.parse(ConfigValue::Text(items[0]));
            const auto second = row.parse(ConfigValue::Text(items[1]));
            if (!first.has_value() || !second.has_value()) return std::nullopt;
            return Pair(*first, *second);
          },
          [](const Pair& pair) {
            return ConfigValue::List({FormatDouble(pair.first), FormatDouble(pair.second)});
          }};
}

absl::Status InvalidFlag(const std::string& key, const std::string& found,
                         const std::string& expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", key, ": found ", found, ", expected ", expected));
}

std::string PlainText(const ConfigValue& value) {
  return value.kind == ConfigValue::Kind::kList ? absl::StrJoin(value.items, ",") : value.text;
}

}  // namespace draftp
