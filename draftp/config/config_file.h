// Reads a configuration file, YAML or JSON by its name.
#ifndef DRAFTP_CONFIG_CONFIG_FILE_H_
#define DRAFTP_CONFIG_CONFIG_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/config/config_schema.h"

namespace draftp {

// The dotted keys of the file at `path`: JSON (also a run.json, see config_json.h) if the name ends
// in `.json`, YAML if it ends in `.yaml` or `.yml`; other names are an error. Messages call it
// `shown`, the path as the user typed it.
absl::StatusOr<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path,
                                                        const std::string& shown);

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_FILE_H_
