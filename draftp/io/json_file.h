// JSON files of bounded size and depth, and typed access to a config object that keeps track of its
// keys.
#ifndef DRAFTP_IO_JSON_FILE_H_
#define DRAFTP_IO_JSON_FILE_H_

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp {

inline constexpr int64_t kMaxJsonBytes = 16 << 20;  // in memory, values take up to 30 times that
inline constexpr int64_t kMaxConfigBytes = 1 << 20;
inline constexpr int kMaxJsonDepth = 64;

// Parses UTF-8 JSON. One-line errors, which begin with `source`, for bad syntax (with its line and
// column), a key that appears twice in an object, and nesting deeper than kMaxJsonDepth. Never
// throws.
absl::StatusOr<nlohmann::json> ParseJson(const std::string& source, std::string_view text);

// ParseJson of a file of at most `max_bytes`.
absl::StatusOr<nlohmann::json> ReadJsonFile(const std::string& path,
                                            int64_t max_bytes = kMaxJsonBytes);

// Typed access to the keys of one JSON object. The first error (a wrong type, null where a value is
// needed, a missing key, a value out of range) is kept in status(), naming source and key, and the
// call returns its default or zero: so a config is read straight through and checked once.
//
//   absl::StatusOr<JsonReader> json = JsonReader::Open(dir + "/config.json");
//   if (!json.ok()) return json.status();
//   config.in_channels = json->Int("in_channels", 4);
//   config.block_out_channels = json->IntList("block_out_channels");   // no default: must be there
//   if (!json->status().ok()) return json->status();
class JsonReader {
 public:
  // Reads a file of at most kMaxConfigBytes that must hold an object. -Infinity, Infinity and NaN,
  // which Python's json writes though JSON hasn't them, are read as texts.
  static absl::StatusOr<JsonReader> Open(const std::string& path);
  // `object` must be an object, else status() says so; `source` is for messages.
  JsonReader(std::string source, nlohmann::json object);

  // A call without a default demands the key. A key that is present must have the type, so null is
  // an error, except for the Optional forms, which give none for absent and null alike.
  int64_t Int(const std::string& key, std::optional<int64_t> fallback = std::nullopt);
  // As Int, with bounds, both included.
  int64_t IntBetween(const std::string& key, int64_t low, int64_t high,
                     std::optional<int64_t> fallback = std::nullopt);
  double Double(const std::string& key,
                std::optional<double> fallback = std::nullopt);  // integers too
  bool Bool(const std::string& key, std::optional<bool> fallback = std::nullopt);
  std::string String(const std::string& key, std::optional<std::string> fallback = std::nullopt);
  std::vector<int64_t> IntList(const std::string& key,
                               std::optional<std::vector<int64_t>> fallback = std::nullopt);
  std::vector<double> DoubleList(const std::string& key,
                                 std::optional<std::vector<double>> fallback = std::nullopt);
  std::vector<bool> BoolList(const std::string& key,
                             std::optional<std::vector<bool>> fallback = std::nullopt);
  std::vector<std::string> StringList(
      const std::string& key, std::optional<std::vector<std::string>> fallback = std::nullopt);
  // A list of `count` integers, or one integer that stands for all of them.
  std::vector<int64_t> IntOrIntList(const std::string& key, size_t count,
                                    std::optional<int64_t> fallback = std::nullopt);
  // The same for booleans.
  std::vector<bool> BoolOrBoolList(const std::string& key, size_t count,
                                   std::optional<bool> fallback = std::nullopt);

  std::optional<int64_t> OptionalInt(const std::string& key);
  std::optional<double> OptionalDouble(const std::string& key);
  std::optional<std::string> OptionalString(const std::string& key);
  std::optional<std::vector<double>> OptionalDoubleList(const std::string& key);

  // Whether the key is there with a value other than null; doesn't count as using it.
  bool Has(const std::string& key) const;
  // The raw value, null pointer when absent; counts as using the key.
  const nlohmann::json* Find(const std::string& key);
  // Marks keys as known though their values change nothing here.
  void Ignore(std::initializer_list<std::string> keys);

  // Keys of the object that nobody asked for, sorted.
  std::vector<std::string> Unknown() const;
  // Records an error of the caller's about a key ("found X, expected Y"), unless one is there
  // already.
  void Fail(const std::string& key, const std::string& what);

  const std::string& source() const { return source_; }
  const nlohmann::json& object() const { return object_; }
  const absl::Status& status() const { return status_; }

 private:
  template <class T>
  std::optional<T> Get(const std::string& key, bool required, bool null_is_absent);
  template <class T>
  T Value(const std::string& key, std::optional<T> fallback);
  template <class T>
  std::vector<T> Spread(const std::string& key, size_t count, std::optional<T> fallback);

  std::string source_;
  nlohmann::json object_;
  std::set<std::string> used_;
  absl::Status status_;
};

}  // namespace draftp

#endif  // DRAFTP_IO_JSON_FILE_H_
