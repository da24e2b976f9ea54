// Command lines by CLI11, whose messages are replaced by ours.
#include "draftp/config/config_command_line.h"

#include <algorithm>
#include <array>
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
#include "absl/strings/str_join.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_value.h"
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

// Flags of every program that has a table; none takes a value.
constexpr std::array<const char*, 5> kAsked = {"help", "help_all", "version", "print_config",
                                               "quiet"};

absl::Status UnknownFlag(const ConfigSchema& schema, const std::string& argument) {
  const std::string name = argument.substr(0, argument.find('='));
  const std::string key = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  std::vector<std::string> flags = {"--config"};
  for (const char* asked : kAsked) flags.push_back(absl::StrCat("--", asked));
  for (const ConfigField& field : schema.fields) {
    flags.push_back("--" + field.key);
    if (field.is_switch) flags.push_back("--no" + field.key);
    if (std::count(field.elsewhere.begin(), field.elsewhere.end(), key)) {
      return absl::InvalidArgumentError(absl::StrCat(
          Printable(name, 60), ": found an unknown flag; did you mean --", field.key, "?"));
    }
    for (const std::string& original : field.original_keys) {
      if (key == original) {
        return absl::InvalidArgumentError(
            absl::StrCat(Printable(name, 60), ": found a flag, expected ", "--", field.key, ", or ",
                         original, "=VALUE without the dashes"));
      }
    }
  }
  const std::string nearest = NearestKey("--" + key, flags);
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(name, 60), ": found an unknown flag; ",
      nearest.empty() ? "--help_all lists all flags" : "the nearest valid flag is ", nearest));
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

// The last of `values` counts.
std::string Last(const std::string& key, const Values& values, ConfigCommandLine& out) {
  if (values.size() > 1) {
    out.notices.push_back(absl::StrCat("--", key, " is there ", values.size(),
                                       " times; the last counts, ", Quoted(values.back(), 60)));
  }
  return values.back();
}

// What the occurrences of a flag mean together.
absl::StatusOr<ConfigValue> ValueOf(const ConfigField& field, const Values& values,
                                    ConfigCommandLine& out) {
  if (field.repeat == ConfigField::Repeat::kItems && values.size() > 1)
    return ConfigValue::List(values);
  if (field.repeat == ConfigField::Repeat::kAdds)
    return ConfigValue::Text(absl::StrJoin(values, ","));
  if (values.size() > 1 && !field.once.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--", field.key, ": found it ", values.size(), " times (", Quoted(values[0], 60), ", ",
        Quoted(values[1], 60), "), expected it once: ", field.once));
  }
  return ConfigValue::Text(Last(field.key, values, out));
}

struct ParsedArguments {
  std::map<std::string, Values> flags = {};
  Values rest = {};  // what is no known flag, in order
};

absl::Status RunParser(const ConfigSchema& schema, Values arguments, ParsedArguments& out) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  for (const std::string asked : kAsked)
    app.add_flag(asked == "help" ? "--help,-h" : "--" + asked, out.flags[asked]);
  AddValueFlag(app, "--config", out.flags["config"]);
  for (const ConfigField& field : schema.fields) {
    if (field.is_switch) {
      app.add_flag("--" + field.key + ",!--no" + field.key, out.flags[field.key]);
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
  const auto asked = [&](const std::string& name) { return !parsed.flags[name].empty(); };
  out.help = asked("help");
  out.help_all = asked("help_all");
  out.version = asked("version");
  out.print_config = asked("print_config");
  out.quiet = asked("quiet");
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
  if (const Values& files = parsed.flags["config"]; !files.empty()) {
    out.config_file = Last("config", files, out);
    if (out.config_file.empty())
      return absl::InvalidArgumentError("--config: found an empty text, expected a file");
  }
  for (const ConfigField& field : schema.fields) {
    const Values& values = parsed.flags[field.key];
    if (values.empty()) continue;
    absl::StatusOr<ConfigValue> value = ValueOf(field, values, out);
    if (!value.ok()) return value.status();
    out.flags.push_back({field.key, "--" + field.key, *std::move(value)});
  }
  return out;
}

}  // namespace draftp
