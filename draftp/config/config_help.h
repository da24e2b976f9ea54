// Prints a configuration's table for people: `--help`, and the Markdown of docs/configuration.md.
#ifndef DRAFTP_CONFIG_CONFIG_HELP_H_
#define DRAFTP_CONFIG_CONFIG_HELP_H_

#include <string>

#include "absl/status/statusor.h"
#include "draftp/config/config_schema.h"

namespace draftp {

struct HelpOptions {
  int columns = 80;  // of the widest line, from 40 to 100
  bool all = true;   // every flag; else the common ones
};

// What the program does, how it is called, its flags by group with unit and default, examples.
std::string ConfigHelp(const ConfigSchema& schema, const HelpOptions& options = {});

// Two Markdown tables: the rows (flag, key, the original's key, unit, default, meaning), and the
// original's keys that have none (ignored, refused, one value only).
std::string ConfigMarkdown(const ConfigSchema& schema);

// `document` with `table` between the lines `<!-- begin NAME -->` and `<!-- end NAME -->`; an error
// if these aren't there, in this order.
absl::StatusOr<std::string> ReplaceMarkedTable(const std::string& document, const std::string& name,
                                               const std::string& table);

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_HELP_H_
