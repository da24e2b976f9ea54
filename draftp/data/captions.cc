// Finds each file's kind and joins what its reader gives.
#include "draftp/data/captions.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "draftp/data/caption_check.h"
#include "draftp/data/caption_csv.h"
#include "draftp/data/caption_jsonl.h"
#include "draftp/data/caption_tar.h"
#include "draftp/data/prompts.h"
#include "draftp/io/folder_contents.h"
#include "draftp/io/path_pattern.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

using Captions = absl::StatusOr<std::vector<std::string>>;
using Reader = Captions (*)(const std::string& path);

constexpr size_t kMaxCaptionsInAll = 16'000'000;
constexpr char kEndings[] = ".tar, .tar.gz, .tgz, .txt, .jsonl or .csv";

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
  if (IsStream(path)) return ReadCaptionText;
  for (const Kind& kind : kKinds) {
    if (absl::EndsWithIgnoreCase(path, kind.ending)) return kind.read;
  }
  return nullptr;
}

// The files that a folder stands for.
Captions FilesIn(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path().string();
    std::error_code unknown;
    if (entry->path().filename().string()[0] != '.' && !entry->is_directory(unknown) &&
        ReaderOf(path) != nullptr) {
      files.push_back(path);
    }
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat(Printable(folder, 4096), ": can't read: ", error.message()));
  }
  std::sort(files.begin(), files.end());
  if (!files.empty()) return files;
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(folder, 4096), ": found a folder without captions, expected files that end in ",
      kEndings, "; ", FolderContents(folder)));
}

// What `spec` names, with folders replaced by their files.
Captions ExpandFolders(const std::string& spec) {
  absl::StatusOr<std::vector<std::string>> paths = ExpandPaths(spec);
  if (!paths.ok()) return paths;
  std::vector<std::string> all;
  for (std::string& path : *paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      all.push_back(std::move(path));
      continue;
    }
    Captions files = FilesIn(path);
    if (!files.ok()) return files;
    all.insert(all.end(), files->begin(), files->end());
  }
  return all;
}

}  // namespace

Captions ReadCaptions(const std::string& spec) {
  const Captions paths = ExpandFolders(spec);
  if (!paths.ok()) return paths.status();
  for (const std::string& path : *paths) {  // before an hour of reading
    if (ReaderOf(path) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(path, 4096),
                       ": found a file of unknown kind, expected a name that ends in ", kEndings));
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
