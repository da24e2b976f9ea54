// Binds the rows of a configuration's schema to the members of a plain struct, one typed call a
// row.
#ifndef DRAFTP_CONFIG_CONFIG_TABLE_H_
#define DRAFTP_CONFIG_CONFIG_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/config/config_path.h"
#include "draftp/config/config_row.h"
#include "draftp/config/config_schema.h"
#include "draftp/config/config_value.h"

namespace draftp {

// The one table of a program's configuration. C is a copyable struct whose member initialisers are
// the defaults. From the table come the parsing of every source (config_load.h), the checks,
// `--help`, the docs and the `config` of a run.json.
//
//   struct Settings { int64_t steps = 25; std::string model; };
//   ConfigTable<Settings> table("draw", "Draws pictures.");
//   table.Group("Sampling")
//       .Integer(&Settings::steps, 1, 1000, {.key = "steps", .help = "length of a run"})
//       .Path(&Settings::model, {.key = "model", .value_name = "DIR", .help = "the model"});
template <class C>
class ConfigTable {
 public:
  ConfigTable(std::string program, std::string summary) {
    schema_.program = std::move(program);
    schema_.summary = std::move(summary);
  }

  // The heading of the rows that follow.
  ConfigTable& Group(std::string title) {
    group_ = std::move(title);
    return *this;
  }
  ConfigTable& Example(std::string command, std::string meaning) {
    schema_.examples.push_back({std::move(command), std::move(meaning)});
    return *this;
  }
  ConfigTable& Rule(ConfigRule rule) {
    schema_.rules.push_back(std::move(rule));
    return *this;
  }

  // Rows. An integer and a number have an inclusive range; a seed is any of 64 bits.
  ConfigTable& Integer(int64_t C::* member, int64_t low, int64_t high, ConfigField field) {
    return Add(member, IntegerRow(low, high), std::move(field));
  }
  // A type of the program's own, with its row.
  template <class T>
  ConfigTable& Value(T C::* member, ConfigRow<T> row, ConfigField field) {
    return Add(member, std::move(row), std::move(field));
  }
  ConfigTable& Seed(uint64_t C::* member, ConfigField field) {
    return Add(member, SeedRow(), std::move(field));
  }
  ConfigTable& Number(double C::* member, double low, double high, ConfigField field) {
    return Add(member, NumberRow(low, high), std::move(field));
  }
  ConfigTable& Pair(std::pair<double, double> C::* member, double low, double high,
                    ConfigField field) {
    return Add(member, PairRow(low, high), std::move(field));
  }
  ConfigTable& Switch(bool C::* member, ConfigField field) {
    field.is_switch = true;
    return Add(member, SwitchRow(), std::move(field));
  }
  // A switch that also takes a name: `--key` is the first, the member "off" or a name.
  ConfigTable& Mode(std::string C::* member, std::vector<std::string> names, ConfigField field) {
    field.is_switch = true;
    return Add(member, ModeRow(std::move(names)), std::move(field));
  }
  // A name as Choice has it, or a text that `accepts` takes; `expected` describes both.
  ConfigTable& Form(std::string C::* member, std::vector<ConfigChoice> choices,
                    std::function<bool(const std::string&)> accepts, std::string expected,
                    ConfigField field) {
    return Add(member, FormRow(std::move(choices), std::move(accepts), std::move(expected)),
               std::move(field));
  }
  // One of the names; the member holds the canonical one.
  ConfigTable& Choice(std::string C::* member, std::vector<ConfigChoice> choices,
                      ConfigField field) {
    return Add(member, ChoiceRow(std::move(choices)), std::move(field));
  }
  // Words without control characters that `accepts` takes; `expected` describes them.
  ConfigTable& Word(std::string C::* member, std::function<bool(const std::string&)> accepts,
                    std::string expected, ConfigField field) {
    return Add(member, WordRow(std::move(accepts), std::move(expected)), std::move(field));
  }
  // Any UTF-8 text without zero bytes. The empty text means "not given" and is no value that a
  // source can give, unless field.allow_empty.
  ConfigTable& Text(std::string C::* member, ConfigField field) {
    const bool allow_empty = field.allow_empty;
    return Add(member, TextRow(allow_empty), std::move(field));
  }
  // As Text, without control characters; MakePathsAbsolute completes it.
  ConfigTable& Path(std::string C::* member, ConfigField field) {
    paths_.push_back(
        [=](C& config, const PathChange& change) { config.*member = change(config.*member); });
    return Add(member, PathRow(), std::move(field));
  }
  // Items without commas outside of brackets; in a text they are separated by commas.
  ConfigTable& List(std::vector<std::string> C::* member, ConfigField field) {
    return Add(member, ListRow(), std::move(field));
  }

  // Texts, of which a source gives one or a list; a flag typed several times gives several.
  ConfigTable& TextList(std::vector<std::string> C::* member, ConfigField field) {
    field.repeat = ConfigField::Repeat::kItems;
    const bool allow_empty = field.allow_empty;
    return Add(member, TextListRow(TextRow(allow_empty)), std::move(field));
  }

  // Paths, or texts that begin with one, as TextList takes them; MakePathsAbsolute completes each.
  ConfigTable& PathItems(std::vector<std::string> C::* member, ConfigField field) {
    AddPaths(member);
    field.repeat = ConfigField::Repeat::kItems;
    ConfigRow<std::vector<std::string>> row = TextListRow(PathRow());
    return Add(member, std::move(row), std::move(field));
  }

  // A List of paths, or of texts that begin with one; MakePathsAbsolute completes each.
  ConfigTable& PathList(std::vector<std::string> C::* member, ConfigField field) {
    AddPaths(member);
    field.repeat = ConfigField::Repeat::kAdds;
    ConfigRow<std::vector<std::string>> row = ListRow();
    row.expected = "paths in UTF-8 without control characters, separated by commas";
    return Add(member, std::move(row), std::move(field));
  }

  // The rows of `part`, the table of one of C's members: what several programs have is written
  // once.
  template <class M>
  ConfigTable& Append(M C::* member, const ConfigTable<M>& part) {
    for (const ConfigField& field : part.schema_.fields) {
      schema_.fields.push_back(field);
      schema_.fields.back().group = group_;
    }
    for (const typename ConfigTable<M>::Binding& row : part.bindings_) {
      Binding binding{.set = [=](const ConfigValue& value,
                                 C& config) { return row.set(value, config.*member); },
                      .valid = [=](const C& config) { return row.valid(config.*member); },
                      .print = [=](const C& config) { return row.print(config.*member); }};
      if (row.no_effect)
        binding.no_effect = [=](const C& config) { return row.no_effect(config.*member); };
      bindings_.push_back(std::move(binding));
    }
    for (const auto& paths : part.paths_)
      paths_.push_back([=](C& config, const PathChange& change) { paths(config.*member, change); });
    return *this;
  }

  // Of the row before: why it changes nothing in a run of a config, "" where it counts.
  ConfigTable& NoEffect(std::function<std::string(const C&)> why) {
    bindings_.back().no_effect = std::move(why);
    return *this;
  }
  // How a file of another program's settings is known, and what the user can do with it.
  ConfigTable& Sibling(ConfigSchema::Sibling sibling) {
    schema_.sibling = std::move(sibling);
    return *this;
  }

  const ConfigSchema& schema() const { return schema_; }

  // Whether the row of `key` changes anything in a run of `config`.
  bool HasEffect(const std::string& key, const C& config) const {
    for (size_t i = 0; i < bindings_.size(); ++i) {
      if (schema_.fields[i].key == key) return WhyIdle(bindings_[i], config).empty();
    }
    return false;
  }

  // A notice for each of `keys` that changes nothing in a run of `config`.
  std::vector<std::string> WithoutEffect(const std::set<std::string>& keys, const C& config) const {
    std::vector<std::string> notices;
    for (size_t i = 0; i < bindings_.size(); ++i) {
      const std::string& key = schema_.fields[i].key;
      if (!keys.contains(key)) continue;
      const std::string why = WhyIdle(bindings_[i], config);
      if (!why.empty()) notices.push_back("--" + key + " has no effect in this run: " + why);
    }
    return notices;
  }

  // Sets one member, to its default for kNull. InvalidArgument says what was found and expected.
  absl::Status Set(const ConfigSetting& setting, C& config) const {
    const ConfigField& field = schema_.fields.at(setting.field);
    if (bindings_.at(setting.field).set(setting.value, config)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(setting.where, ": found ",
                                                   DescribeForMessage(setting.value), ", expected ",
                                                   field.expected));
  }

  // The first row whose member a source couldn't have set, named by its flag.
  absl::Status Check(const C& config) const {
    for (size_t i = 0; i < bindings_.size(); ++i) {
      if (bindings_[i].valid(config)) continue;
      const ConfigField& field = schema_.fields[i];
      return absl::InvalidArgumentError(absl::StrCat("--", field.key, ": found ",
                                                     DescribeForMessage(bindings_[i].print(config)),
                                                     ", expected ", field.expected));
    }
    return absl::OkStatus();
  }

  // Every row's key and value, in order; a source that gives these repeats `config` exactly.
  std::vector<std::pair<std::string, ConfigValue>> Print(const C& config) const {
    std::vector<std::pair<std::string, ConfigValue>> values;
    for (size_t i = 0; i < bindings_.size(); ++i) {
      values.emplace_back(schema_.fields[i].key, bindings_[i].print(config));
    }
    return values;
  }

  // Relative paths of Path and PathList rows, from `base` (an absolute folder).
  void MakePathsAbsolute(const std::string& base, C& config) const {
    TransformPaths(config, [&](const std::string& path) { return AbsolutePath(path, base); });
  }

  // Replaces each value of Path and PathList rows by what `transform` makes of it.
  template <class F>
  void TransformPaths(C& config, F&& transform) const {
    for (const auto& paths : paths_) paths(config, transform);
  }

 private:
  template <class>
  friend class ConfigTable;
  using PathChange = std::function<std::string(const std::string&)>;

  struct Binding {
    std::function<bool(const ConfigValue&, C&)> set;
    std::function<bool(const C&)> valid;
    std::function<ConfigValue(const C&)> print;
    std::function<std::string(const C&)> no_effect = {};
  };

  static std::string WhyIdle(const Binding& binding, const C& config) {
    return binding.no_effect ? binding.no_effect(config) : "";
  }

  void AddPaths(std::vector<std::string> C::* member) {
    paths_.push_back([=](C& config, const PathChange& change) {
      for (std::string& path : config.*member) path = change(path);
    });
  }

  template <class T>
  ConfigTable& Add(T C::* member, ConfigRow<T> row, ConfigField field) {
    const ConfigValue default_value = row.print(C{}.*member);
    if (field.default_text.empty()) field.default_text = PlainText(default_value);
    field.group = group_;
    field.expected = row.expected;
    schema_.fields.push_back(std::move(field));
    const auto set = [member, parse = row.parse](const ConfigValue& value, C& config) {
      if (value.kind == ConfigValue::Kind::kNull) {
        config.*member = C{}.*member;
        return true;
      }
      std::optional<T> parsed = parse(value);
      if (parsed.has_value()) config.*member = *std::move(parsed);
      return parsed.has_value();
    };
    // A member is valid when what it prints would be accepted, so that a run.json always reads
    // back.
    const auto valid = [member, row](const C& config) {
      const ConfigValue printed = row.print(config.*member);
      if (printed.kind == ConfigValue::Kind::kNull) return true;
      const std::optional<T> parsed = row.parse(printed);
      return parsed.has_value() && *parsed == config.*member;
    };
    const auto print = [member, to_value = row.print](const C& config) {
      return to_value(config.*member);
    };
    bindings_.push_back({.set = set, .valid = valid, .print = print});
    return *this;
  }

  ConfigSchema schema_;
  std::string group_;
  std::vector<Binding> bindings_;                                  // as schema_.fields
  std::vector<std::function<void(C&, const PathChange&)>> paths_;  // of Path and PathList rows
};

}  // namespace draftp

#endif  // DRAFTP_CONFIG_CONFIG_TABLE_H_
