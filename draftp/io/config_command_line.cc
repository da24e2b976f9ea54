// Command lines by CLI11, whose messages are replaced by ours.
#include "draftp/io/config_command_line.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/config_schema.h"
#include "draftp/io/config_value.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

using Values = std::vector<std::string>;

// A flag that takes one value; every occurrence lands in `values`, as it was typed.
void AddValueFlag(CLI::App& app, const std::string& name, Values& values) {
  app.add_option(name, CLI::callback_t([&values](const CLI::results_t& results) {
                   values = results;
                   return true;
                 }))
      ->type_size(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

absl::Status UnknownFlag(const ConfigSchema& schema, const std::string& argument) {
  const std::string name = argument.substr(0, argument.find('='));
  const std::string key = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  std::vector<std::string> flags = {"--config", "--help"};
  for (const ConfigField& field : schema.fields) {
    flags.push_back("--" + field.key);
    for (const std::string& original : field.original_keys) {
      if (key == original) {
        return absl::InvalidArgumentError(
            absl::StrCat(Printable(name, 60), ": found a flag, expected ", "--", field.key, ", or ",
                         original, "=VALUE without the dashes"));
      }
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(name, 60), ": found an unknown flag; the nearest valid flag is ",
                   NearestKey("--" + key, flags)));
}

// hydra's quotes around a whole value, and its bare null.
ConfigValue OverrideValue(const std::string& text) {
  if (text == "null") return ConfigValue::Null();
  const bool is_quoted = text.size() >= 2 && (text[0] == '"' || text[0] == '\'') &&
                         text.find(text[0], 1) == text.size() - 1;
  return ConfigValue::Text(is_quoted ? text.substr(1, text.size() - 2) : text);
}

absl::StatusOr<ConfigEntry> ParseOverride(const std::string& argument) {
  const size_t equals = argument.find('=');
  const size_t begin = std::min(argument.find_first_not_of('+'), argument.size());
  if (equals == std::string::npos || equals <= begin || begin > 2) {
    return absl::InvalidArgumentError(absl::StrCat("found the argument ", Quoted(argument, 60),
                                                   ", expected key=value or a flag"));
  }
  const std::string key = argument.substr(begin, equals - begin);
  return ConfigEntry{key, Printable(argument, 60), OverrideValue(argument.substr(equals + 1))};
}

// CLI11 reads `--flag=` as a flag whose value is the next argument; a value is asked for instead.
absl::Status RejectEmptyAssignments(const ConfigSchema& schema, const Values& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument == "--config=") {
      return absl::InvalidArgumentError("--config: found no value after '=', expected one");
    }
    for (const ConfigField& field : schema.fields) {
      if (argument != "--" + field.key + "=") continue;
      return absl::InvalidArgumentError(
          absl::StrCat("--", field.key, ": found no value after '=', expected ", field.expected,
                       field.allow_empty ? " (for the empty text: --" + field.key + " \"\")" : ""));
    }
  }
  return absl::OkStatus();
}

// The one value of a flag, or an error; `given` holds all.
absl::Status RejectRepeats(const std::string& key, const Values& given) {
  if (given.size() < 2) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", key, ": found it ", given.size(), " times (",
                                                 Quoted(given[0], 60), ", ", Quoted(given[1], 60),
                                                 "), expected it once"));
}

struct ParsedArguments {
  std::map<std::string, Values> flags = {};
  Values rest = {};  // what is no known flag, in order
};

absl::Status RunParser(const ConfigSchema& schema, Values arguments, ParsedArguments& out) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.add_flag("--help,-h", out.flags["help"]);
  AddValueFlag(app, "--config", out.flags["config"]);
  for (const ConfigField& field : schema.fields) {
    if (field.is_switch) {
      app.add_flag("--" + field.key, out.flags[field.key]);
    } else {
      AddValueFlag(app, "--" + field.key, out.flags[field.key]);
    }
  }
  const std::string last = arguments.empty() ? "" : arguments.back();
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError&) {
    // The parser has no opinion on values: what it can miss is the value of the last argument.
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(last, 60), ": found no value after it, expected one"));
  } catch (const std::exception&) {
    return absl::InvalidArgumentError("found arguments that can't be parsed, expected flags");
  }
  out.rest = app.remaining();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ConfigCommandLine> ParseCommandLine(const ConfigSchema& schema,
                                                   const std::vector<std::string>& arguments) {
  if (absl::Status status = RejectEmptyAssignments(schema, arguments); !status.ok()) return status;
  ParsedArguments parsed;
  const auto end_of_flags = std::find(arguments.begin(), arguments.end(), "--");
  const Values before(arguments.begin(), end_of_flags);
  if (absl::Status status = RunParser(schema, before, parsed); !status.ok()) return status;

  ConfigCommandLine out;
  out.help = !parsed.flags["help"].empty();
  for (const std::string& argument : parsed.rest) {
    if (argument.size() > 1 && argument[0] == '-') return UnknownFlag(schema, argument);
  }
  if (end_of_flags != arguments.end()) {
    parsed.rest.insert(parsed.rest.end(), end_of_flags + 1, arguments.end());
  }
  for (const std::string& argument : parsed.rest) {
    absl::StatusOr<ConfigEntry> entry = ParseOverride(argument);
    if (!entry.ok()) return entry.status();
    out.overrides.push_back(*std::move(entry));
  }
  for (const auto& [key, values] : parsed.flags) {
    if (key == "help" || values.empty()) continue;
    if (absl::Status status = RejectRepeats(key, values); !status.ok()) return status;
    if (key == "config") {
      out.config_file = values[0];
    } else {
      out.flags.push_back({key, "--" + key, ConfigValue::Text(values[0])});
    }
  }
  if (!parsed.flags["config"].empty() && out.config_file.empty()) {
    return absl::InvalidArgumentError("--config: found an empty text, expected a file");
  }
  return out;
}

}  // namespace draftp
