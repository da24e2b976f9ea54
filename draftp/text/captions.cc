// Finds each file's kind and joins what its reader gives.
#include "draftp/text/captions.h"

#include <cstddef>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/folder_contents.h"
#include "draftp/io/path_pattern.h"
#include "draftp/io/printable.h"
#include "draftp/text/caption_check.h"
#include "draftp/text/caption_csv.h"
#include "draftp/text/caption_jsonl.h"
#include "draftp/text/caption_tar.h"
#include "draftp/text/prompts.h"

namespace draftp {
namespace {

using Captions = absl::StatusOr<std::vector<std::string>>;
using Reader = Captions (*)(const std::string& path);

constexpr size_t kMaxCaptionsInAll = 16'000'000;

Captions ReadCaptionText(const std::string& path) { return ReadPrompts(path, CheckCaption); }

struct Kind {
  const char* ending;
  Reader read;
};

constexpr Kind kKinds[] = {
    {".tar", ReadCaptionTar},  {".tar.gz", ReadCaptionTar},  {".tgz", ReadCaptionTar},
    {".txt", ReadCaptionText}, {".jsonl", ReadCaptionJsonl}, {".csv", ReadCaptionCsv},
};

// Null: of no kind.
Reader ReaderOf(const std::string& path) {
  for (const Kind& kind : kKinds) {
    if (absl::EndsWithIgnoreCase(path, kind.ending)) return kind.read;
  }
  return nullptr;
}

}  // namespace

Captions ReadCaptions(const std::string& spec) {
  const absl::StatusOr<std::vector<std::string>> paths = ExpandPaths(spec);
  if (!paths.ok()) return paths.status();
  for (const std::string& path : *paths) {  // before an hour of reading
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(path, 4096), ": found a folder, expected files, as in ",
                       Printable(path, 4096), "/*.tar; ", FolderContents(path)));
    }
    if (ReaderOf(path) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          Printable(path, 4096),
          ": found a file of unknown kind, expected a name that ends in .tar, .tar.gz, .tgz, .txt, "
          ".jsonl or .csv"));
    }
  }
  std::vector<std::string> all;
  for (const std::string& path : *paths) {
    Captions captions = ReaderOf(path)(path);
    if (!captions.ok()) return captions.status();
    if (all.size() + captions->size() > kMaxCaptionsInAll) {
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(path, 4096), ": found more than ", kMaxCaptionsInAll,
                       " captions up to here, expected at most that"));
    }
    all.insert(all.end(), std::make_move_iterator(captions->begin()),
               std::make_move_iterator(captions->end()));
  }
  return all;
}

}  // namespace draftp
