// Reads YAML text into configuration entries, with every nesting, anchor and tag under a limit.
#ifndef DRAFTP_CONFIG_CONFIG_YAML_H_
#define DRAFTP_CONFIG_CONFIG_YAML_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/config/config_schema.h"

namespace draftp {

// The dotted keys of one YAML document, at most 256 KiB of UTF-8. An alias may stand for a scalar,
// not for a list or map; tags beyond YAML's own scalars, merge keys, repeated keys and second
// documents are errors, `source:line: ...` on one line. `~`, `null` and an empty value are kNull; a
// scalar with `${` is a kReference. Throws nothing.
absl::StatusOr<std::vector<ConfigEntry>> ParseYamlConfig(const std::string& source,
                                                         const std::string& text);

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_YAML_H_
