// Finds the column and takes it.
#include "draftp/data/caption_csv.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/data/caption_check.h"
#include "draftp/data/prompts.h"
#include "draftp/io/csv.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

absl::Status Error(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": ", what));
}

struct Column {
  size_t index;
  bool named;  // the first row holds names, not captions
};

absl::StatusOr<Column> FindColumn(const std::string& path, const CsvReader& first) {
  size_t index = 0, found = 0;
  for (size_t i = 0; i < first.fields().size(); ++i) {
    if (first.fields()[i] != "caption" && first.fields()[i] != "prompt") continue;
    index = i;
    ++found;
  }
  if (found == 1) return Column{index, true};
  if (found > 1) {
    return Error(path, absl::StrCat("line ", first.line(), ": found ", found,
                                    " columns named caption or prompt, expected one"));
  }
  if (first.fields().size() == 1) return Column{0, false};
  return Error(path, absl::StrCat("line ", first.line(), ": found ", first.fields().size(),
                                  " columns without a name caption or prompt, expected a first row "
                                  "with one of them, or a single column"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadCaptionCsv(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxCaptionFileBytes);
  if (!text.ok()) return text.status();
  CsvReader reader(path, *text);
  std::vector<std::string> captions;
  size_t column = 0;
  for (bool first = true;; first = false) {
    const absl::StatusOr<bool> more = reader.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (first) {
      const absl::StatusOr<Column> found = FindColumn(path, reader);
      if (!found.ok()) return found.status();
      column = found->index;
      if (found->named) continue;
    }
    const std::string& caption = reader.fields()[column];
    if (const absl::Status status = CheckCaption(caption); !status.ok()) {
      return Error(path, absl::StrCat("line ", reader.line(), ": ", status.message()));
    }
    if (captions.size() == kMaxCaptions) {
      return Error(path, absl::StrCat("found more than ", kMaxCaptions,
                                      " captions, expected at most that many"));
    }
    captions.push_back(caption);
  }
  if (!captions.empty()) return captions;
  return Error(path, "found no caption, expected at least one row");
}

}  // namespace draftp
