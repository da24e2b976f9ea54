// The layout of --help and of the documentation's tables.
#include "draftp/config/config_help.h"

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "draftp/config/config_schema.h"

namespace draftp {
namespace {

// Lays text out in columns of one width.
class Layout {
 public:
  explicit Layout(int columns)
      : width_(static_cast<size_t>(std::clamp(columns, 40, 100))), indent_(width_ < 70 ? 6 : 30) {}

  // `text` in lines of at most the width, the second and later ones indented. ASCII; a longer word
  // is cut where the line ends.
  std::string Wrap(const std::string& text, size_t column, size_t indent) const {
    std::istringstream words(text);
    std::string out;
    std::string word;
    bool is_line_empty = true;
    const auto begin_line = [&] {
      absl::StrAppend(&out, "\n", std::string(indent, ' '));
      column = indent;
      is_line_empty = true;
    };
    while (words >> word) {
      if (!is_line_empty && column + 1 + word.size() > width_) begin_line();
      if (!is_line_empty) {
        out += ' ';
        ++column;
      }
      for (; column + word.size() > width_; begin_line())
        out += std::exchange(word, word.substr(width_ - column)).substr(0, width_ - column);
      out += word;
      column += word.size();
      is_line_empty = false;
    }
    return out;
  }

  // One flag: its name in the left column, meaning, unit and default in the right one.
  std::string Row(const std::string& name, const std::string& meaning) const {
    std::string left = absl::StrCat("  ", name);
    if (left.size() + 2 > indent_) {
      left = Wrap(name, 2, 6);
      left = absl::StrCat("  ", left, "\n", std::string(indent_, ' '));
    } else {
      left.resize(indent_, ' ');
    }
    return absl::StrCat(left, Wrap(meaning, indent_, indent_), "\n");
  }

  std::string Paragraph(const std::string& text) const { return Wrap(text, 0, 0) + "\n"; }

 private:
  size_t width_;
  size_t indent_;  // where meanings begin
};

std::string FlagName(const ConfigField& field) {
  if (field.is_switch) return absl::StrCat("--[no]", field.key);
  return absl::StrCat("--", field.key, field.value_name.empty() ? "" : " ", field.value_name);
}

std::string DefaultOf(const ConfigField& field) {
  if (!field.is_switch) return field.default_text.empty() ? "none" : field.default_text;
  return field.default_text == "true" ? absl::StrCat("on; --no", field.key, " switches it off")
                                      : "off";
}

std::string Meaning(const ConfigField& field) {
  return absl::StrCat(field.help, " [", field.unit, field.unit.empty() ? "" : "; ",
                      "default: ", DefaultOf(field), "]");
}

std::string Introduction(const ConfigSchema& schema, const Layout& layout, bool all) {
  std::string out =
      absl::StrCat(layout.Paragraph(schema.summary), "\n",
                   layout.Wrap(absl::StrCat("Usage: ", schema.program,
                                            " [--config FILE] [key=value ...] [--flag value ...]"),
                               0, 6),
                   "\n\n");
  if (all) {
    absl::StrAppend(
        &out,
        layout.Paragraph(
            "Each flag --name is also the key `name` of a file and the override name=value. Flags "
            "win over overrides, overrides over the file, the file over the defaults; of a flag "
            "typed several times the last counts. A switch --x is switched off by --nox or "
            "--x=false. Paths start where you type the command."),
        "\n");
  }
  absl::StrAppend(
      &out, "Every program's:\n",
      layout.Row("--config FILE", "settings: YAML, or the run.json of a run to repeat"),
      layout.Row("--help, -h", "the most used flags"), layout.Row("--help_all", "all flags"),
      layout.Row("--version", "of this program and of LibTorch"),
      layout.Row("--print_config", "print the settings of a run, as --config takes them"),
      layout.Row("--quiet", "print errors, warnings and the last line only"));
  return out;
}

std::string EscapeCell(const std::string& text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}});
}

std::string Code(const std::string& text) { return absl::StrCat("`", text, "`"); }

std::string CodeOrNone(const std::string& text) { return text.empty() ? "" : Code(text); }

std::string RuleMeaning(const ConfigRule& rule) {
  switch (rule.kind) {
    case ConfigRule::Kind::kIgnored:
      return "ignored with a notice: " + rule.note;
    case ConfigRule::Kind::kRefused:
      return "refused: " + rule.note;
    case ConfigRule::Kind::kOnly:
      break;
  }
  return absl::StrCat("only ", absl::StrJoin(rule.accepted, " or "), ": ", rule.note);
}

}  // namespace

std::string ConfigHelp(const ConfigSchema& schema, const HelpOptions& options) {
  const Layout layout(options.columns);
  std::string out = Introduction(schema, layout, options.all);
  std::string group;
  for (const ConfigField& field : schema.fields) {
    if (!options.all && !field.common) continue;
    if (field.group != group) absl::StrAppend(&out, "\n", field.group, ":\n");
    group = field.group;
    out += layout.Row(FlagName(field), Meaning(field));
  }
  if (!schema.examples.empty()) out += "\nExamples:\n";
  for (const ConfigExample& example : schema.examples) {
    absl::StrAppend(&out, "  ", layout.Wrap(example.command, 2, 6), "\n      ",
                    layout.Wrap(example.meaning, 6, 6), "\n");
  }
  if (!options.all) {
    absl::StrAppend(&out, "\n",
                    layout.Paragraph(absl::StrCat("--help_all shows all ", schema.fields.size(),
                                                  " flags, with their units and defaults.")));
  }
  return out;
}

std::string ConfigMarkdown(const ConfigSchema& schema) {
  std::string out =
      "| Flag | Key | The original's key | Unit | Default | Meaning |\n"
      "|---|---|---|---|---|---|\n";
  for (const ConfigField& field : schema.fields) {
    std::vector<std::string> originals;
    for (const std::string& key : field.original_keys) originals.push_back(Code(key));
    absl::StrAppend(&out, "| `--", field.key, "` | ", Code(field.key), " | ",
                    absl::StrJoin(originals, ", "), " | ", EscapeCell(field.unit), " | ",
                    EscapeCell(CodeOrNone(field.default_text)), " | ", EscapeCell(field.help), "; ",
                    EscapeCell(field.expected), " |\n");
  }
  if (schema.rules.empty()) return out;
  absl::StrAppend(&out, "\n| The original's key | What becomes of it |\n|---|---|\n");
  for (const ConfigRule& rule : schema.rules) {
    std::vector<std::string> patterns;
    for (const std::string& pattern : rule.patterns) patterns.push_back(Code(pattern));
    absl::StrAppend(&out, "| ", absl::StrJoin(patterns, ", "), " | ", EscapeCell(RuleMeaning(rule)),
                    " |\n");
  }
  return out;
}

absl::StatusOr<std::string> ReplaceMarkedTable(const std::string& document, const std::string& name,
                                               const std::string& table) {
  const std::string begin = absl::StrCat("<!-- begin ", name, " -->\n");
  const std::string end = absl::StrCat("<!-- end ", name, " -->\n");
  const size_t from = document.find(begin);
  const size_t to = document.find(end);
  if (from == std::string::npos || to == std::string::npos || to < from + begin.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("found no lines <!-- begin ", name, " --> and <!-- end ", name, " -->"));
  }
  return document.substr(0, from + begin.size()) + table + document.substr(to);
}

}  // namespace draftp
