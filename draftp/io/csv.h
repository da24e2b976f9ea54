// Tables in text files, comma- or otherwise separated, a row at a time.
#ifndef DRAFTP_IO_CSV_H_
#define DRAFTP_IO_CSV_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp {

// Reads RFC 4180: fields between commas, rows between line ends (CR LF or LF), a field in double
// quotes may hold all of these, and a quote as two. A byte-order mark at the start is dropped,
// empty lines are skipped. All rows must have as many fields as the first, 1000 at most. Another
// separator takes the comma's place. Between tabs a quote that doesn't enclose a whole field is
// text like any other: programs write such files both ways.
//
//   CsvReader reader(path, text);            // `text` must outlive it
//   for (;;) {
//     const absl::StatusOr<bool> more = reader.Next();
//     if (!more.ok()) return more.status();
//     if (!*more) break;
//     use(reader.fields(), reader.line());
//   }
//
// One-line errors name source and line: a quote within or after a field's text, one that isn't
// closed, another number of fields. Bytes aren't checked to be UTF-8.
class CsvReader {
 public:
  CsvReader(std::string source, std::string_view text, char separator = ',');

  // Whether there was a further row, which fields() and line() then are of.
  absl::StatusOr<bool> Next();

  const std::vector<std::string>& fields() const { return fields_; }
  int64_t line() const { return row_line_; }  // of the row's begin, counted from 1

 private:
  absl::Status ReadField();
  absl::Status ReadQuoted(std::string& field);
  bool EndsQuoted() const;
  bool QuotesAreText() const { return separator_ == '\t'; }
  absl::Status Error(int64_t line, std::string_view what) const;
  bool AtLineEnd() const;
  void SkipLineEnd();

  std::string source_;
  std::string_view rest_;
  char separator_;
  std::vector<std::string> fields_;
  size_t columns_ = 0;  // 0: no row was read yet
  int64_t line_ = 1;
  int64_t row_line_ = 0;
};

}  // namespace draftp

#endif  // DRAFTP_IO_CSV_H_
