// Checks that the readers of configs share: supported values, and no key that nobody reads.
#ifndef DRAFTP_IO_CONFIG_CHECKS_H_
#define DRAFTP_IO_CONFIG_CHECKS_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {

// The text under `key`, or `fallback` where there is none; an error of the reader unless it is one
// of `supported`.
inline std::string StringOneOf(JsonReader& json, const std::string& key,
                               const std::vector<std::string>& supported,
                               std::optional<std::string> fallback = std::nullopt) {
  const bool demanded = !fallback.has_value();
  const std::string value = json.String(key, std::move(fallback));
  if (!json.Has(key) && !demanded) return value;
  for (const std::string& one : supported) {
    if (one == value) return value;
  }
  json.Fail(key,
            absl::StrCat("found ", Quoted(value), ", supported: ", absl::StrJoin(supported, ", ")));
  return value;
}

// An error of the reader unless the key is absent, null, false, or an empty list or object: `why`
// says what it would change.
inline void RequireUnset(JsonReader& json, const std::string& key, const std::string& why) {
  const nlohmann::json* value = json.Find(key);
  if (value == nullptr || value->is_null() || *value == false) return;
  if (value->is_structured() && value->empty()) return;
  json.Fail(key, absl::StrCat("found ", Printable(value->dump(), 60), ", not supported: ", why));
}

// The reader's first error, or one about a key that it was never asked for.
inline absl::Status Finish(const JsonReader& json) {
  if (!json.status().ok()) return json.status();
  const std::vector<std::string> unknown = json.Unknown();
  if (unknown.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(Printable(json.source(), 4096), ": key ",
                                                 Quoted(unknown[0]),
                                                 ": unknown, and may change the result"));
}

}  // namespace draftp

#endif  // DRAFTP_IO_CONFIG_CHECKS_H_
