// Takes the text apart from the front.
#include "draftp/io/csv.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

constexpr size_t kMaxFields = 1000;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string SeparatorName(char separator) {
  if (separator == ',') return "a comma";
  return separator == '\t' ? "a tab" : absl::StrCat("a ", Quoted(std::string(1, separator)));
}

}  // namespace

CsvReader::CsvReader(std::string source, std::string_view text, char separator)
    : source_(std::move(source)), rest_(text), separator_(separator) {
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

absl::Status CsvReader::Error(int64_t line, std::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(Printable(source_, 4096), ": line ", line, ": ",
                                                 absl::string_view(what.data(), what.size())));
}

bool CsvReader::AtLineEnd() const { return rest_.starts_with('\n') || rest_.starts_with("\r\n"); }

void CsvReader::SkipLineEnd() {
  rest_.remove_prefix(rest_.front() == '\r' ? 2 : 1);
  ++line_;
}

absl::Status CsvReader::ReadQuoted(std::string& field) {
  const int64_t opened = line_;
  rest_.remove_prefix(1);
  for (;;) {
    const size_t quote = rest_.find('"');
    if (quote == std::string_view::npos) {
      return Error(opened, "found a quoted field without an end, expected a closing quote");
    }
    field += rest_.substr(0, quote);
    line_ += std::count(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(quote), '\n');
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) break;
    field += '"';
    rest_.remove_prefix(1);
  }
  if (rest_.empty() || rest_.front() == separator_ || AtLineEnd()) return absl::OkStatus();
  return Error(
      line_, absl::StrCat("found ", Quoted(rest_.substr(0, 1)), " after a closing quote, expected ",
                          SeparatorName(separator_),
                          " or the line's end (a quote within a field is written as two)"));
}

// Whether what begins with a quote ends with one too, before a separator or line end.
bool CsvReader::EndsQuoted() const {
  for (size_t i = 1; i < rest_.size(); ++i) {
    if (rest_[i] != '"') continue;
    if (i + 1 == rest_.size()) return true;
    const char next = rest_[i + 1];
    if (next == '"')
      ++i;
    else
      return next == separator_ || next == '\n' || next == '\r';
  }
  return false;
}

absl::Status CsvReader::ReadField() {
  std::string& field = fields_.emplace_back();
  if (rest_.starts_with('"') && (!QuotesAreText() || EndsQuoted())) return ReadQuoted(field);
  const char ends[] = {separator_, '\n', QuotesAreText() ? '\n' : '"'};
  size_t end = std::min(rest_.find_first_of(std::string_view(ends, sizeof(ends))), rest_.size());
  if (end < rest_.size() && rest_[end] == '"') {
    return Error(line_, absl::StrCat("found a quote within ", Quoted(rest_.substr(0, end + 1), 60),
                                     ", expected the field in quotes and the quote as two"));
  }
  if (end < rest_.size() && rest_[end] == '\n' && end > 0 && rest_[end - 1] == '\r') --end;
  field = rest_.substr(0, end);
  rest_.remove_prefix(end);
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::Next() {
  while (!rest_.empty() && AtLineEnd()) SkipLineEnd();
  fields_.clear();
  if (rest_.empty()) return false;
  row_line_ = line_;
  for (;;) {
    if (fields_.size() == kMaxFields) {
      return Error(row_line_, absl::StrCat("found more than ", kMaxFields,
                                           " fields, expected at most that many"));
    }
    if (absl::Status status = ReadField(); !status.ok()) return status;
    if (!rest_.starts_with(separator_)) break;
    rest_.remove_prefix(1);
  }
  if (!rest_.empty()) SkipLineEnd();
  if (columns_ == 0) columns_ = fields_.size();
  if (fields_.size() == columns_) return true;
  return Error(row_line_, absl::StrCat("found ", fields_.size(), " fields, expected ", columns_,
                                       " as in the first row (", SeparatorName(separator_),
                                       " within a field needs quotes around it)"));
}

}  // namespace draftp
