// Chooses the lines to keep, then appends.
#include "draftp/report/line_log.h"

#include <sys/stat.h>

#include <algorithm>
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
constexpr size_t kMaxLineBytes = 1 << 20;

// Whether a whole line is to be kept; an error: it is damaged.
absl::StatusOr<bool> IsKept(const std::string& where, std::string_view line, int64_t first_step) {
  const std::string name = Printable(where, 4200);
  if (line.size() > kMaxLineBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": found ", line.size(), " bytes, expected at most ", kMaxLineBytes));
  }
  const absl::StatusOr<nlohmann::json> json = ParseJson(where, line);
  if (!json.ok()) return json.status();
  if (!json->is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": found ", json->type_name(), ", expected an object"));
  }
  const auto step = json->find("step");
  if (step == json->end()) return true;
  if (!step->is_number_integer()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": key step: found ", step->type_name(), ", expected an integer"));
  }
  constexpr uint64_t kMost = uint64_t{1} << 53;
  const bool negative = !step->is_number_unsigned() && step->get<int64_t>() < 0;
  if (negative || step->get<uint64_t>() > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": key step: found ", step->dump(), ", expected 0 to ", kMost));
  }
  return step->get<int64_t>() < first_step;
}

// Appends the damaged lines to `path`.damaged and returns a warning.
absl::StatusOr<std::string> SetAside(const std::string& path, const SortedLines& sorted) {
  if (sorted.damaged.empty()) return std::string();
  const std::string aside = path + ".damaged";
  absl::StatusOr<AppendFile> file = AppendFile::Open(aside);
  if (!file.ok()) return file.status();
  if (absl::Status appended = file->Append(sorted.damaged); !appended.ok()) return appended;
  if (absl::Status closed = file->Close(); !closed.ok()) return closed;
  const std::string more =
      sorted.damaged_lines > 1 ? absl::StrCat(" and ", sorted.damaged_lines - 1, " more") : "";
  return absl::StrCat(sorted.first, "; the line", more, " moved to ", Printable(aside, 4200));
}

}  // namespace

SortedLines SortLines(const std::string& source, std::string_view rest, int64_t first_step) {
  SortedLines sorted;
  for (int64_t number = 1;; ++number) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return sorted;  // what is left, if anything, is torn
    const std::string_view line = rest.substr(0, end + 1);
    rest.remove_prefix(end + 1);
    const absl::StatusOr<bool> keep =
        IsKept(absl::StrCat(source, ": line ", number), line.substr(0, end), first_step);
    if (!keep.ok()) {
      if (sorted.damaged_lines++ == 0) sorted.first = std::string(keep.status().message());
      sorted.damaged += line;
    } else if (*keep) {
      sorted.kept += line;
    }
  }
}

absl::StatusOr<LineLog> LineLog::Open(const std::string& path, int64_t first_step) {
  struct stat status = {};
  std::string warning;
  if (lstat(path.c_str(), &status) == 0 || errno != ENOENT) {
    if (S_ISLNK(status.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat(Printable(path, 4096), ": found a symbolic link, expected a file"));
    }
    const absl::StatusOr<std::string> contents = ReadFile(path, kMaxBytes);
    if (!contents.ok()) return contents.status();
    const SortedLines sorted = SortLines(path, *contents, first_step);
    absl::StatusOr<std::string> aside = SetAside(path, sorted);
    if (!aside.ok()) return aside.status();
    warning = *std::move(aside);
    if (sorted.kept.size() != contents->size()) {
      const absl::Status replaced = WriteFileAtomically(path, sorted.kept);
      if (!replaced.ok()) return replaced;
    }
  }
  absl::StatusOr<AppendFile> file = AppendFile::Open(path);
  if (!file.ok()) return file.status();
  return LineLog(*std::move(file), std::move(warning));
}

absl::Status LineLog::Write(std::string_view line) {
  if (line.find('\n') != std::string_view::npos) {
    return absl::InternalError(absl::StrCat(Printable(path(), 4096), ": found a line end within ",
                                            Quoted(line, 60), ", expected one line"));
  }
  return file_.Append(absl::StrCat(absl::string_view(line.data(), line.size()), "\n"));
}

}  // namespace draftp
