// JSON events of nlohmann-json, fed to the configuration tree.
#include "draftp/config/config_json.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_tree.h"
#include "draftp/config/config_value.h"
#include "nlohmann/json.hpp"

namespace draftp {
namespace {

constexpr size_t kLargestFile = size_t{16} << 20;

// Each event returns false at the first error, which ends the parse. Inside an object `config` at
// the top, `inside_` holds; what stands beside it goes to another tree, and is used where there is
// none.
class TreeFeeder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TreeFeeder(const std::string& source) : whole_(source), config_(source) {}

  bool null() override { return Value(ConfigValue::Null()); }
  bool boolean(bool value) override { return Value(ConfigValue::Bool(value)); }
  bool number_integer(number_integer_t value) override {
    return Value(ConfigValue::Number(absl::StrCat(value)));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Value(ConfigValue::Number(absl::StrCat(value)));
  }
  bool number_float(number_float_t, const string_t& text) override {
    return Value(ConfigValue::Number(text));
  }
  bool string(string_t& value) override { return Value(ConfigValue::Text(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(size_t) override {
    if (depth_ == 1 && key_ == "config") {
      if (has_config_) problem_ = "found a second object config, expected one";
      inside_ = has_config_ = true;
    }
    ++depth_;
    tree().BeginMap(0);
    return Going();
  }
  bool key(string_t& value) override {
    if (depth_ == 1) key_ = value;
    tree().Key(value, 0);
    return Going();
  }
  bool end_object() override {
    --depth_;
    tree().EndMap();
    if (inside_ && depth_ == 1) {
      inside_ = false;
      whole_.Value(ConfigValue::Map(), 0);
    }
    return Going();
  }
  bool start_array(size_t) override {
    ++depth_;
    tree().BeginList(0);
    return Going();
  }
  bool end_array() override {
    --depth_;
    tree().EndList();
    return Going();
  }
  bool parse_error(size_t at, const std::string&, const nlohmann::json::exception&) override {
    problem_ = absl::StrCat("found an error at byte ", at, ", expected valid JSON");
    return false;
  }

  // A run.json's other parts may be larger or odder than a configuration: only syntax counts there.
  absl::StatusOr<std::vector<ConfigEntry>> Finish(const std::string& source) const {
    if (!problem_.empty()) return absl::InvalidArgumentError(absl::StrCat(source, ": ", problem_));
    const ConfigTreeBuilder& result = has_config_ ? config_ : whole_;
    if (!result.status().ok()) return result.status();
    return result.entries();
  }

 private:
  ConfigTreeBuilder& tree() { return inside_ ? config_ : whole_; }
  bool Value(const ConfigValue& value) {
    tree().Value(value, 0);
    return Going();
  }
  bool Going() const { return problem_.empty() && config_.status().ok(); }

  ConfigTreeBuilder whole_;
  ConfigTreeBuilder config_;
  std::string problem_;
  std::string key_;
  size_t depth_ = 0;
  bool inside_ = false;
  bool has_config_ = false;
};

}  // namespace

absl::StatusOr<std::vector<ConfigEntry>> ParseJsonConfig(const std::string& source,
                                                         const std::string& text) {
  if (text.size() > kLargestFile) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": found ", text.size(), " bytes, expected at most ", kLargestFile));
  }
  try {
    TreeFeeder feeder(source);
    nlohmann::json::sax_parse(text, &feeder);
    return feeder.Finish(source);
  } catch (const std::exception&) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": found text that can't be parsed, expected valid JSON"));
  }
}

nlohmann::ordered_json ConfigValuesToJson(
    const std::vector<std::pair<std::string, ConfigValue>>& values) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const auto& [key, value] : values) {
    switch (value.kind) {
      case ConfigValue::Kind::kNumber:
      case ConfigValue::Kind::kBool:
        out[key] = nlohmann::ordered_json::parse(value.text);
        break;
      case ConfigValue::Kind::kText:
        out[key] = value.text;
        break;
      case ConfigValue::Kind::kList:
        out[key] = value.items;
        break;
      default:
        out[key] = nullptr;
    }
  }
  return out;
}

}  // namespace draftp
