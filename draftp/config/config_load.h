// Loads a program's configuration from its command line: file, overrides and flags over the
// defaults.
#ifndef DRAFTP_CONFIG_CONFIG_LOAD_H_
#define DRAFTP_CONFIG_CONFIG_LOAD_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/config/config_command_line.h"
#include "draftp/config/config_file.h"
#include "draftp/config/config_path.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_table.h"
#include "draftp/io/printable.h"

namespace draftp {

template <class C>
struct LoadedConfig {
  C config = {};
  bool help = false;      // print help or version and end; the rest isn't filled
  bool help_all = false;  // the long help
  bool version = false;
  bool print_config = false;              // print `config` and end
  bool quiet = false;                     // errors, warnings and the last line only
  std::vector<std::string> notices = {};  // for stderr, a line each
  std::string config_file = {};           // of --config, as typed; empty: none
  std::set<std::string> flags = {};       // keys typed, as flags or as key=value
  std::set<std::string> given = {};       // keys that any source gave, the file too
};

// The error for a file of another program's settings.
inline absl::Status RejectSibling(const ConfigSchema& schema, const std::string& file,
                                  const std::vector<ConfigEntry>& entries) {
  const ConfigSchema::Sibling& sibling = schema.sibling;
  if (sibling.key.empty()) return absl::OkStatus();
  for (const ConfigEntry& entry : entries) {
    if (entry.key != sibling.key) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(file), ": found the settings of ", sibling.program, " (",
                     sibling.key, "), expected those of ", schema.program, "; ", sibling.note));
  }
  return absl::OkStatus();
}

// `status` of a rule between settings, with the file that may have given what it names: not where
// a flag or override did.
template <class C>
absl::Status WithConfigFile(const absl::Status& status, const LoadedConfig<C>& loaded,
                            const std::string& file) {
  const std::string message(status.message());
  const size_t end = message.find(':');
  const bool typed = message.starts_with("--") && end != std::string::npos &&
                     loaded.flags.contains(message.substr(2, end - 2));
  if (file.empty() || typed) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(message, " (with --config=", Printable(file), ")"));
}

// Defaults, then `--config FILE`, then `key=value` overrides, then flags; the later wins. A key
// twice in one of these (by whatever spellings) is an error, as is everything that a row doesn't
// expect. Relative paths, also those in the file, start at `user_folder` (see UserFolder). All
// errors are the user's: one line, exit code 2.
template <class C>
absl::StatusOr<LoadedConfig<C>> LoadConfig(const ConfigTable<C>& table,
                                           const std::vector<std::string>& arguments,
                                           const std::string& user_folder) {
  const absl::StatusOr<ConfigCommandLine> line = ParseCommandLine(table.schema(), arguments);
  if (!line.ok()) return line.status();
  LoadedConfig<C> out;
  out.help = line->help || line->help_all || line->version;
  out.help_all = line->help_all;
  out.version = line->version;
  if (out.help) return out;
  out.print_config = line->print_config;
  out.quiet = line->quiet;
  out.config_file = line->config_file;
  out.notices = line->notices;

  const auto apply = [&](const std::string& source, const std::vector<ConfigEntry>& entries) {
    const auto resolved = ResolveEntries(table.schema(), source, entries);
    if (!resolved.ok()) return resolved.status();
    for (const ConfigSetting& setting : resolved->settings) {
      out.given.insert(table.schema().fields[setting.field].key);
      if (absl::Status status = table.Set(setting, out.config); !status.ok()) return status;
    }
    out.notices.insert(out.notices.end(), resolved->notices.begin(), resolved->notices.end());
    return absl::OkStatus();
  };
  if (!line->config_file.empty()) {
    const auto entries =
        ReadConfigFile(AbsolutePath(line->config_file, user_folder), line->config_file);
    if (!entries.ok()) return entries.status();
    if (absl::Status status = RejectSibling(table.schema(), line->config_file, *entries);
        !status.ok())
      return status;
    absl::Status status = apply(Printable(line->config_file), *entries);
    if (!status.ok()) return status;
  }
  const std::set<std::string> of_file = std::exchange(out.given, {});
  if (absl::Status status = apply("arguments", line->overrides); !status.ok()) return status;
  if (absl::Status status = apply("flags", line->flags); !status.ok()) return status;
  out.flags = out.given;
  out.given.insert(of_file.begin(), of_file.end());
  table.MakePathsAbsolute(user_folder, out.config);
  return out;
}

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_LOAD_H_
