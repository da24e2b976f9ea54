// Splits a command line into flags and `key=value` overrides, as entries for the configuration's
// table.
#ifndef DRAFTP_IO_CONFIG_COMMAND_LINE_H_
#define DRAFTP_IO_CONFIG_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/io/config_schema.h"

namespace draftp {

struct ConfigCommandLine {
  bool help = false;                        // --help or -h
  std::string config_file = {};             // --config; empty: not given
  std::vector<ConfigEntry> overrides = {};  // `key=value`, our key or the original's
  std::vector<ConfigEntry> flags = {};      // `--key value` or `--key=value`
};

// `arguments` without the program's name. A switch stands alone or has `=true` or `=false`. As in
// hydra, an override may begin with `+`, its value may be in quotes, and the bare value `null`
// means the default. What follows `--` is an override whatever it looks like. Errors
// (InvalidArgument): an unknown flag, with the nearest valid one; a flag without its value or given
// twice; an override without `=`.
absl::StatusOr<ConfigCommandLine> ParseCommandLine(const ConfigSchema& schema,
                                                   const std::vector<std::string>& arguments);

}  // namespace draftp

#endif  // DRAFTP_IO_CONFIG_COMMAND_LINE_H_
