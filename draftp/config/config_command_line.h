// Splits a command line into flags and `key=value` overrides, as entries for the configuration's
// table.
#ifndef DRAFTP_CONFIG_CONFIG_COMMAND_LINE_H_
#define DRAFTP_CONFIG_CONFIG_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/config/config_schema.h"

namespace draftp {

struct ConfigCommandLine {
  bool help = false;                        // --help or -h
  bool help_all = false;                    // --help_all
  bool version = false;                     // --version
  bool print_config = false;                // --print_config
  bool quiet = false;                       // --quiet
  std::string config_file = {};             // --config; empty: not given
  std::vector<ConfigEntry> overrides = {};  // `key=value`, our key or the original's
  std::vector<ConfigEntry> flags = {};      // `--key value` or `--key=value`
  std::vector<std::string> notices = {};    // a line for the user each
};

// `arguments` without the program's name. A switch stands alone, as `--nokey`, or has `=true` or
// `=false`. Of a flag typed several times the last counts, with a notice, unless its row says
// otherwise. As in hydra, an override may begin with `+`, its value may be in quotes, and the bare
// value `null` means the default. What follows `--` is an override whatever it looks like. Errors
// (InvalidArgument): an unknown flag, with the one that was probably meant; a flag without its
// value; an override without `=`.
absl::StatusOr<ConfigCommandLine> ParseCommandLine(const ConfigSchema& schema,
                                                   const std::vector<std::string>& arguments);

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_COMMAND_LINE_H_
