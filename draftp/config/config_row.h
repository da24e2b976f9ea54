// The kinds of rows a configuration table has: how each reads, prints and describes its values.
#ifndef DRAFTP_CONFIG_CONFIG_ROW_H_
#define DRAFTP_CONFIG_CONFIG_ROW_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "draftp/config/config_value.h"

namespace draftp {

// `parse` gets any value but kNull and returns nothing for what isn't `expected`; `print` gives a
// value that `parse` takes back to the same T, or kNull for the T that means "not given".
template <class T>
struct ConfigRow {
  std::string expected;  // `an integer from 1 to 1000`
  std::function<std::optional<T>(const ConfigValue&)> parse;
  std::function<ConfigValue(const T&)> print;
};

// A name with the original's spellings of it.
struct ConfigChoice {
  std::string name = {};
  std::vector<std::string> aliases = {};
};

// Choices without other spellings.
std::vector<ConfigChoice> ChoicesNamed(const std::vector<std::string>& names);

ConfigRow<int64_t> IntegerRow(int64_t low, int64_t high);
ConfigRow<uint64_t> SeedRow();
ConfigRow<double> NumberRow(double low, double high);
ConfigRow<bool> SwitchRow();
// A switch with names beside its two positions. false means "off", true the first name.
ConfigRow<std::string> ModeRow(std::vector<std::string> names);
// Also takes a Python path that ends in an alias with a capital, as
// `package.LegacyDDPMDiscretization`.
ConfigRow<std::string> ChoiceRow(std::vector<ConfigChoice> choices);
// As ChoiceRow, and besides what `accepts` takes.
ConfigRow<std::string> FormRow(std::vector<ConfigChoice> choices,
                               std::function<bool(const std::string&)> accepts,
                               std::string expected);
ConfigRow<std::string> WordRow(std::function<bool(const std::string&)> accepts,
                               std::string expected);
ConfigRow<std::string> TextRow(bool allow_empty);
ConfigRow<std::string> PathRow();
ConfigRow<std::vector<std::string>> ListRow();
// Texts that `text` takes; a scalar is one of them, whatever commas it has.
ConfigRow<std::vector<std::string>> TextListRow(ConfigRow<std::string> text);

// One of the values, by name.
template <class T>
ConfigRow<T> NamedRow(std::vector<std::pair<std::string, T>> values) {
  std::string expected;
  for (const auto& [name, value] : values) expected += (expected.empty() ? "" : ", ") + name;
  const auto parse = [values](const ConfigValue& value) -> std::optional<T> {
    for (const auto& [name, named] : values) {
      if (value.IsScalar() && value.text == name) return named;
    }
    return std::nullopt;
  };
  const auto print = [values](const T& value) {
    for (const auto& [name, named] : values) {
      if (named == value) return ConfigValue::Text(name);
    }
    return ConfigValue::Null();
  };
  return {expected, parse, print};
}

// Two numbers, as 0.9,0.999 or a list of two.
ConfigRow<std::pair<double, double>> PairRow(double low, double high);

// `--key: found X, expected Y`.
absl::Status InvalidFlag(const std::string& key, const std::string& found,
                         const std::string& expected);

// A value as a user would type it: lists with commas; `` for nothing.
std::string PlainText(const ConfigValue& value);

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_ROW_H_
