// The layout of --help and of the documentation's tables.
#include "draftp/io/config_help.h"

#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "draftp/io/config_schema.h"

namespace draftp {
namespace {

constexpr size_t kWidth = 100;  // columns
constexpr size_t kIndent = 32;  // where meanings begin

// `text` in lines of at most kWidth, the second and later ones indented. ASCII and words below
// kWidth.
std::string Wrap(const std::string& text, size_t column, size_t indent) {
  std::istringstream words(text);
  std::string out;
  std::string word;
  bool is_line_empty = true;
  while (words >> word) {
    if (!is_line_empty && column + 1 + word.size() > kWidth) {
      absl::StrAppend(&out, "\n", std::string(indent, ' '));
      column = indent;
      is_line_empty = true;
    }
    if (!is_line_empty) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    is_line_empty = false;
  }
  return out;
}

// One flag: its name in the left column, meaning, unit and default in the right one.
std::string HelpRow(const std::string& name, const std::string& meaning) {
  std::string left = absl::StrCat("  ", name);
  if (left.size() + 2 > kIndent) {
    left += "\n" + std::string(kIndent, ' ');
  } else {
    left.resize(kIndent, ' ');
  }
  return absl::StrCat(left, Wrap(meaning, kIndent, kIndent), "\n");
}

std::string Meaning(const ConfigField& field) {
  std::vector<std::string> notes;
  if (!field.unit.empty()) notes.push_back(field.unit);
  if (!field.is_switch && !field.default_text.empty()) {
    notes.push_back("default: " + field.default_text);
  }
  return notes.empty() ? field.help
                       : absl::StrCat(field.help, " [", absl::StrJoin(notes, "; "), "]");
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

std::string ConfigHelp(const ConfigSchema& schema) {
  std::string out = Wrap(schema.summary, 0, 0) + "\n\n";
  absl::StrAppend(&out, "Usage: ", schema.program,
                  " [--config FILE.yaml|run.json] [key=value ...] [--flag value ...]\n",
                  Wrap("Each flag --name is also the key `name` of a file and the override "
                       "name=value. Flags win over overrides, overrides over the file, the file "
                       "over the defaults. Paths start where you type the command.",
                       0, 0),
                  "\n\nFiles of settings:\n",
                  HelpRow("--config FILE", "YAML settings, or the run.json of a run to repeat"),
                  HelpRow("--help, -h", "this text"));
  std::string group;
  for (const ConfigField& field : schema.fields) {
    if (field.group != group) absl::StrAppend(&out, "\n", field.group, ":\n");
    group = field.group;
    const std::string value = field.value_name.empty() ? "" : " " + field.value_name;
    out += HelpRow(absl::StrCat("--", field.key, value), Meaning(field));
  }
  if (!schema.examples.empty()) out += "\nExamples:\n";
  for (const ConfigExample& example : schema.examples) {
    absl::StrAppend(&out, "  ", example.command, "\n      ", Wrap(example.meaning, 6, 6), "\n");
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
