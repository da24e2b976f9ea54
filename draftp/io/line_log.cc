// Chooses the lines to keep, then appends.
#include "draftp/io/line_log.h"

#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 30;

// Whether a whole line is to be kept.
absl::StatusOr<bool> IsKept(const std::string& where, std::string_view line, int64_t first_step) {
  const absl::StatusOr<nlohmann::json> json = ParseJson(where, line);
  if (!json.ok()) return json.status();
  if (!json->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(where, 4200), ": found ",
                                                   json->type_name(), ", expected an object"));
  }
  const auto step = json->find("step");
  if (step == json->end()) return true;
  if (!step->is_number_integer()) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(where, 4200), ": key step: found ",
                                                   step->type_name(), ", expected an integer"));
  }
  return step->get<int64_t>() < first_step;
}

absl::StatusOr<std::string> LinesToKeep(const std::string& path, const std::string& contents,
                                        int64_t first_step) {
  std::string kept;
  std::string_view rest = contents;
  for (int64_t number = 1;; ++number) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return kept;  // what is left, if anything, is torn
    const std::string_view line = rest.substr(0, end + 1);
    rest.remove_prefix(end + 1);
    const absl::StatusOr<bool> keep =
        IsKept(absl::StrCat(path, ": line ", number), line.substr(0, end), first_step);
    if (!keep.ok()) return keep.status();
    if (*keep) kept += line;
  }
}

}  // namespace

absl::StatusOr<LineLog> LineLog::Open(const std::string& path, int64_t first_step) {
  struct stat status;
  if (lstat(path.c_str(), &status) == 0 || errno != ENOENT) {
    const absl::StatusOr<std::string> contents = ReadFile(path, kMaxBytes);
    if (!contents.ok()) return contents.status();
    const absl::StatusOr<std::string> kept = LinesToKeep(path, *contents, first_step);
    if (!kept.ok()) return kept.status();
    if (kept->size() != contents->size()) {
      const absl::Status replaced = WriteFileAtomically(path, *kept);
      if (!replaced.ok()) return replaced;
    }
  }
  absl::StatusOr<AppendFile> file = AppendFile::Open(path);
  if (!file.ok()) return file.status();
  return LineLog(*std::move(file));
}

absl::Status LineLog::Write(std::string_view line) {
  if (line.find('\n') != std::string_view::npos) {
    return absl::InternalError(absl::StrCat(Printable(path(), 4096), ": found a line end within ",
                                            Quoted(line, 60), ", expected one line"));
  }
  return file_.Append(absl::StrCat(absl::string_view(line.data(), line.size()), "\n"));
}

}  // namespace draftp
