// Finds the separator and the column, and takes it.
#include "draftp/data/caption_csv.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "draftp/io/csv.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr char kSeparators[] = {',', '\t', ';', '|'};

struct Table {
  char separator = ',';
  size_t column = 0;
  bool named = false;  // the first row holds names, not captions
};

// The first row between `separator`s; none where it can't be read so.
std::optional<std::vector<std::string>> FirstRow(std::string_view text, char separator) {
  CsvReader reader("", text, separator);
  const absl::StatusOr<bool> more = reader.Next();
  if (!more.ok() || !*more) return std::nullopt;
  return reader.fields();
}

// Whether a text may be the name of a column: one word, or few of which one is what captions are
// called.
bool MayBeName(std::string_view text) {
  const std::string lower = absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
  const std::vector<std::string> words =
      absl::StrSplit(lower, absl::ByAnyChar(" _-"), absl::SkipWhitespace());
  if (words.size() <= 1) return true;
  return words.size() <= 3 && std::ranges::any_of(words, [](const std::string& word) {
           return IsCaptionName(word) || word == "description" || word == "title";
         });
}

absl::StatusOr<Table> OneColumn(std::string_view text, const CaptionList& list) {
  const auto error = [&](const std::string& found) {
    return list.Error("line 1",
                      absl::StrCat("found ", found, ", expected a first row with a column ",
                                   kCaptionNames, ", or a single column"));
  };
  const auto row = FirstRow(text, ',');
  if (!row) return Table{};  // the reader says what is wrong
  if (row->size() > 1) {
    return error(absl::StrCat(row->size(), " columns without a name ", kCaptionNames));
  }
  for (const char separator : kSeparators) {
    const auto fields = FirstRow(text, separator);
    if (!fields || fields->size() == 1) continue;
    if (separator == '\t' || std::ranges::all_of(*fields, MayBeName)) {
      return error(absl::StrCat("columns without a name ", kCaptionNames, ", ",
                                Quoted((*fields)[0], 60), " and ", Quoted((*fields)[1], 60)));
    }
  }
  if (!MayBeName((*row)[0])) return Table{};
  return error(
      absl::StrCat(Quoted((*row)[0], 60), ", which may be the name of the column or a caption"));
}

absl::StatusOr<Table> FindTable(std::string_view text, const CaptionList& list) {
  for (const char separator : kSeparators) {
    const auto row = FirstRow(text, separator);
    if (!row) continue;
    const auto count = std::ranges::count_if(*row, IsCaptionName);
    if (count > 1) {
      return list.Error("line 1", absl::StrCat("found ", count, " columns named ", kCaptionNames,
                                               ", expected one"));
    }
    const auto found = std::ranges::find_if(*row, IsCaptionName);
    if (found != row->end())
      return Table{separator, static_cast<size_t>(found - row->begin()), true};
  }
  return OneColumn(text, list);
}

}  // namespace

absl::StatusOr<CaptionSet> ReadCaptionCsv(const std::string& path, EmptyCaptions empty) {
  const absl::StatusOr<std::string> text = ReadCaptionBytes(path);
  if (!text.ok()) return text.status();
  CaptionList list(path, empty);
  const absl::StatusOr<Table> table = FindTable(*text, list);
  if (!table.ok()) return table.status();
  CsvReader reader(path, *text, table->separator);
  for (bool first = true;; first = false) {
    const absl::StatusOr<bool> more = reader.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (first && table->named) continue;
    absl::Status added =
        list.Add(absl::StrCat("line ", reader.line()), reader.fields()[table->column]);
    if (!added.ok()) return added;
  }
  return list.Finish("at least one row");
}

}  // namespace draftp
