// A log of one JSON object a line, which a resumed run goes on with.
#ifndef DRAFTP_REPORT_LINE_LOG_H_
#define DRAFTP_REPORT_LINE_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/io/append_file.h"

namespace draftp {

// Whole lines of a log's text, in order; a last line without its end is in neither.
struct SortedLines {
  std::string kept;     // whose "step" is below a run's first, and those without one
  std::string damaged;  // no JSON object of at most 1 MiB, or a step not from 0 to 2^53
  int64_t damaged_lines = 0;
  std::string first;  // what is wrong with the first of them: "source: line 2: ..."
};
SortedLines SortLines(const std::string& source, std::string_view text, int64_t first_step);

// Each line is in the file when its Write() returns; a killed process leaves at most a torn last
// line. Errors name the file and what the system said; after one (a full disk) the file holds whole
// lines, and Write() may be tried again.
//
//   absl::StatusOr<LineLog> log = LineLog::Open(out + "/log.jsonl", first_step);
//   if (absl::Status s = log->Write(line.dump()); !s.ok()) return s;
class LineLog {
 public:
  // Of a file that is there, keeps SortLines(first_step).kept; it is replaced at once (AtomicFile)
  // when lines go. Begins a file that isn't there. Damaged lines move to PATH.damaged, and
  // warning() names the first. Errors name the file: more than 1 GiB, a symbolic link.
  static absl::StatusOr<LineLog> Open(const std::string& path, int64_t first_step);

  // Appends `line`, a JSON object without line ends, and '\n'.
  absl::Status Write(std::string_view line);

  absl::Status Flush() { return file_.Sync(); }  // to the disk
  absl::Status Close() { return file_.Close(); }

  const std::string& path() const { return file_.path(); }
  const std::string& warning() const { return warning_; }  // empty: none

 private:
  LineLog(AppendFile file, std::string warning)
      : file_(std::move(file)), warning_(std::move(warning)) {}

  AppendFile file_;
  std::string warning_;
};

}  // namespace draftp

#endif  // DRAFTP_REPORT_LINE_LOG_H_
