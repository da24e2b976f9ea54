// A log of one JSON object a line, which a resumed run goes on with.
#ifndef DRAFTP_IO_LINE_LOG_H_
#define DRAFTP_IO_LINE_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/io/append_file.h"

namespace draftp {

// Each line is in the file when its Write() returns; a killed process leaves at most a torn last
// line. Errors name the file and what the system said; after one (a full disk) the file holds whole
// lines, and Write() may be tried again.
//
//   absl::StatusOr<LineLog> log = LineLog::Open(out + "/log.jsonl", first_step);
//   if (absl::Status s = log->Write(line.dump()); !s.ok()) return s;
class LineLog {
 public:
  // Of a file that is there, keeps the lines whose "step" is below `first_step`, and those without
  // one, in order; it is replaced at once (AtomicFile) when lines go. Begins a file that isn't
  // there. A whole line that is no JSON object of at most 1 MiB, or whose step is no integer, moves
  // to PATH.damaged, and warning() names the first. A last line without its end is dropped,
  // whatever it holds. Errors name the file: one of more than 1 GiB.
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

#endif  // DRAFTP_IO_LINE_LOG_H_
