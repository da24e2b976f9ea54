// Any text as CSV: an error of one line, or rows of one length that read back as they were written.
#include <string>
#include <vector>

#include "draftp/io/csv.h"
#include "draftp/testing/fuzz.h"

namespace {

using Rows = std::vector<std::vector<std::string>>;

bool Parse(const std::string& text, Rows& rows) {
  draftp::CsvReader reader("t.csv", text);
  for (int64_t line = 0;; line = reader.line()) {
    const absl::StatusOr<bool> more = reader.Next();
    if (!more.ok()) {
      draftp::testing::FuzzRequireMessage(more.status().message(), "t.csv: line ");
      return false;
    }
    if (!*more) return true;
    draftp::testing::FuzzRequire(reader.line() > line, "lines ascend");
    rows.push_back(reader.fields());
  }
}

std::string Write(const Rows& rows) {
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += i == 0 ? "\"" : ",\"";
      for (const char c : row[i]) text += c == '"' ? "\"\"" : std::string(1, c);
      text += '"';
    }
    text += "\r\n";
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  Rows rows, again;
  if (!Parse(std::string(reinterpret_cast<const char*>(data), size), rows)) return 0;
  for (const auto& row : rows) FuzzRequire(row.size() == rows[0].size(), "rows are as long");
  FuzzRequire(Parse(Write(rows), again) && again == rows, "rows read back");
  return 0;
}
