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

using nlohmann::json;

// peft matches (.*\.)?(PATTERN)$ from the start of the path; a leading ^ leaves the whole path
// alone to match.
bool Matches(std::string_view pattern, std::string_view path) {
  if (pattern.starts_with('^')) return pattern.substr(1) == path;
  if (!path.ends_with(pattern)) return false;
  return path.size() == pattern.size() || path[path.size() - pattern.size() - 1] == '.';
}

std::optional<double> Find(const LoraPatterns& patterns, const std::string& path,
                           std::optional<double> fallback) {
  for (const auto& [pattern, value] : patterns) {
    if (Matches(pattern, path)) return value;
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

class MetadataReader {
 public:
  MetadataReader(std::string source, std::string prefix, json object)
      : source_(std::move(source)), prefix_(std::move(prefix)), object_(std::move(object)) {}

  // The value, null where the key is absent.
  json Get(const std::string& key) const {
    const auto found = object_.find(prefix_ + key);
    return found == object_.end() ? json() : *found;
  }

  bool Bool(const std::string& key) {
    const json value = Get(key);
    if (value.is_boolean()) return value.get<bool>();
    if (!value.is_null()) Fail(key, "expected true or false");
    return false;
  }

  std::optional<double> Number(const std::string& key) {
    const json value = Get(key);
    if (value.is_null()) return std::nullopt;
    return Checked(key, value);
  }

  LoraPatterns Patterns(const std::string& key) {
    const json value = Get(key);
    LoraPatterns patterns;
    if (!value.is_null() && !value.is_object()) Fail(key, "expected an object of numbers by layer");
    if (!value.is_object()) return patterns;
    for (const auto& [pattern, number] : value.items()) {
      if (!IsPath(pattern))
        Fail(key, absl::StrCat("has ", Quoted(pattern), ", expected the end of a layer's path"));
      patterns.emplace_back(pattern, Checked(key, number));
    }
    return patterns;
  }

  void Fail(const std::string& key, const std::string& what) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(Printable(source_, 4096),
                     ": lora_adapter_metadata: ", Printable(prefix_ + key), ": ", what));
  }

  const absl::Status& status() const { return status_; }

 private:
  double Checked(const std::string& key, const json& value) {
    if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
    Fail(key, "expected finite numbers");
    return 0;
  }

  std::string source_;
  std::string prefix_;
  json object_;
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
                                               const std::string& prefix) {
  absl::StatusOr<json> object = ParseJson(source + ": lora_adapter_metadata", text);
  if (!object.ok()) return object.status();
  if (!object->is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(source, 4096), ": lora_adapter_metadata: expected a JSON object"));
  }
  MetadataReader reader(source, prefix, *std::move(object));
  LoraMetadata metadata{.rank = reader.Number("r"),
                        .alpha = reader.Number("lora_alpha"),
                        .rank_pattern = reader.Patterns("rank_pattern"),
                        .alpha_pattern = reader.Patterns("alpha_pattern"),
                        .use_rslora = reader.Bool("use_rslora")};
  for (const char* variant : {"use_dora", "use_qalora", "lora_bias"}) {
    if (reader.Bool(variant)) reader.Fail(variant, "is true, supported: false");
  }
  if (!reader.status().ok()) return reader.status();
  return metadata;
}

}  // namespace draftp
