// Configuration as JSON: reads a file of keys or a run.json, and prints the values that repeat a
// run.
#ifndef DRAFTP_CONFIG_CONFIG_JSON_H_
#define DRAFTP_CONFIG_CONFIG_JSON_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_value.h"
#include "nlohmann/json_fwd.hpp"

namespace draftp {

// The dotted keys of a JSON object of at most 16 MiB. Where it has an object `config` (a run.json),
// only that object's keys. Repeated keys, NaN, numbers out of range and trailing text are errors,
// `source: ...` on one line. Throws nothing.
absl::StatusOr<std::vector<ConfigEntry>> ParseJsonConfig(const std::string& source,
                                                         const std::string& text);

// An object in the order of `values`. ParseJsonConfig reads every value back exactly.
nlohmann::ordered_json ConfigValuesToJson(
    const std::vector<std::pair<std::string, ConfigValue>>& values);

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_JSON_H_
