#include "draftp/adapter/lora_metadata.h"

#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using nlohmann::ordered_json;

// peft matches (.*\.)?(PATTERN)$ from the start of the path; a leading ^ leaves the whole path
// alone to match.
bool Matches(std::string_view pattern, std::string_view path) {
  if (pattern.starts_with('^')) return pattern.substr(1) == path;
  if (!path.ends_with(pattern)) return false;
  return path.size() == pattern.size() || path[path.size() - pattern.size() - 1] == '.';
}

std::optional<double> Find(const LoraPatterns& patterns, const std::string& path,
                           std::optional<double> fallback) {
  for (const LoraPattern& pattern : patterns) {
    const bool matches =
        pattern.regex ? std::regex_match(path, *pattern.regex) : Matches(pattern.text, path);
    if (matches) return pattern.value;
  }
  return fallback;
}

bool IsPath(std::string_view pattern) {
  if (pattern.starts_with('^')) pattern.remove_prefix(1);
  for (const char c : pattern) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.' && c != '-')
      return false;
  }
  return !pattern.empty();
}

// None for what isn't one, or is too long or too large. The polynomial matcher takes no time that
// grows beyond bounds, whatever the expression.
std::shared_ptr<const std::regex> Expression(const std::string& pattern) {
  constexpr size_t kLongest = 1000;
  if (pattern.empty() || pattern.size() > kLongest) return nullptr;
  try {
    return std::make_shared<const std::regex>(
        absl::StrCat("(?:.*\\.)?(?:", pattern, ")"),
        std::regex::ECMAScript | std::regex_constants::__polynomial);
  } catch (const std::regex_error&) {
    return nullptr;
  }
}

class MetadataReader {
 public:
  MetadataReader(std::string source, std::string prefix, ordered_json object)
      : source_(std::move(source)), prefix_(std::move(prefix)), object_(std::move(object)) {}

  // The value, null where the key is absent.
  ordered_json Get(const std::string& key) const {
    const auto found = object_.find(prefix_ + key);
    return found == object_.end() ? ordered_json() : *found;
  }

  bool Bool(const std::string& key) {
    const ordered_json value = Get(key);
    if (value.is_boolean()) return value.get<bool>();
    if (!value.is_null()) Fail(key, "expected true or false");
    return false;
  }

  std::optional<double> Number(const std::string& key) {
    const ordered_json value = Get(key);
    if (value.is_null()) return std::nullopt;
    return Checked(key, value);
  }

  LoraPatterns Patterns(const std::string& key) {
    const ordered_json value = Get(key);
    LoraPatterns patterns;
    if (!value.is_null() && !value.is_object()) Fail(key, "expected an object of numbers by layer");
    if (!value.is_object()) return patterns;
    for (const auto& [pattern, number] : value.items()) {
      LoraPattern own{.text = pattern, .value = Checked(key, number)};
      if (!IsPath(pattern)) own.regex = Expression(pattern);
      if (!IsPath(pattern) && !own.regex)
        Fail(key, absl::StrCat("has ", Quoted(pattern, 100), ", expected a regular expression"));
      patterns.push_back(std::move(own));
    }
    return patterns;
  }

  void Fail(const std::string& key, const std::string& what) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(source_, ": ", Printable(prefix_ + key), ": ", what));
  }

  const absl::Status& status() const { return status_; }

 private:
  double Checked(const std::string& key, const ordered_json& value) {
    if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
    Fail(key, "expected finite numbers");
    return 0;
  }

  std::string source_;
  std::string prefix_;
  ordered_json object_;
  absl::Status status_;
};

}  // namespace

std::optional<double> LoraMetadata::RankOf(const std::string& path) const {
  return Find(rank_pattern, path, rank);
}

std::optional<double> LoraMetadata::AlphaOf(const std::string& path) const {
  return Find(alpha_pattern, path, alpha);
}

absl::StatusOr<LoraMetadata> ParseLoraMetadata(const std::string& source, const std::string& text,
                                               const std::string& prefix,
                                               const std::string& where) {
  const std::string place = absl::StrCat(Printable(source, 4096), ": ", where);
  if (const auto valid = ParseJson(absl::StrCat(source, ": ", where), text); !valid.ok())
    return valid.status();
  ordered_json object = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object())
    return absl::InvalidArgumentError(absl::StrCat(place, ": expected a JSON object"));
  MetadataReader reader(place, prefix, std::move(object));
  if (const ordered_json type = reader.Get("peft_type"); !type.is_null() && type != "LORA")
    reader.Fail(
        "peft_type",
        absl::StrCat(
            "is ", Printable(type.dump(-1, ' ', true, ordered_json::error_handler_t::replace), 60),
            ", supported: \"LORA\""));
  LoraMetadata metadata{.rank = reader.Number("r"),
                        .alpha = reader.Number("lora_alpha"),
                        .rank_pattern = reader.Patterns("rank_pattern"),
                        .alpha_pattern = reader.Patterns("alpha_pattern"),
                        .use_rslora = reader.Bool("use_rslora"),
                        .use_dora = reader.Bool("use_dora")};
  for (const char* variant : {"use_qalora", "lora_bias", "fan_in_fan_out"}) {
    if (reader.Bool(variant)) reader.Fail(variant, "is true, supported: false");
  }
  if (!reader.status().ok()) return reader.status();
  return metadata;
}

}  // namespace draftp
