// Finds each file's kind and joins what its reader gives.
#include "draftp/data/captions.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "draftp/data/caption_csv.h"
#include "draftp/data/caption_json.h"
#include "draftp/data/caption_tar.h"
#include "draftp/data/caption_text.h"
#include "draftp/io/count.h"
#include "draftp/io/folder_contents.h"
#include "draftp/io/path_pattern.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

using Paths = absl::StatusOr<std::vector<std::string>>;
using Reader = absl::StatusOr<CaptionSet> (*)(const std::string& path, EmptyCaptions empty);

constexpr size_t kMaxCaptionsInAll = 16'000'000;
constexpr char kEndings[] =
    ".tar, .tgz, .txt, .caption, .jsonl, .ndjson, .json, .csv or .tsv, also with .gz";

struct Kind {
  const char* ending;
  Reader read;
};

constexpr Kind kKinds[] = {
    {".tar", ReadCaptionTar},   {".tgz", ReadCaptionTar},     {".txt", ReadCaptionText},
    {".csv", ReadCaptionCsv},   {".tsv", ReadCaptionCsv},     {".caption", ReadCaptionText},
    {".json", ReadCaptionJson}, {".ndjson", ReadCaptionJson}, {".jsonl", ReadCaptionJson},
};

// The path without .gz, which every kind may have.
std::string_view WithoutGz(std::string_view path) {
  const bool packed = absl::EndsWithIgnoreCase(absl::string_view(path.data(), path.size()), ".gz");
  return packed ? path.substr(0, path.size() - 3) : path;
}

bool EndsWith(std::string_view path, const char* ending) {
  path = WithoutGz(path);
  return absl::EndsWithIgnoreCase(absl::string_view(path.data(), path.size()), ending);
}

// Null: of no kind.
Reader ReaderOf(const std::string& path) {
  if (IsStream(path)) return ReadCaptionText;
  for (const Kind& kind : kKinds) {
    if (EndsWith(path, kind.ending)) return kind.read;
  }
  return nullptr;
}

// What else lies beside captions: another program's of the same pictures, and metadata.
void DropTwins(std::vector<std::string>& files) {
  const auto is_json = [](const std::string& path) { return EndsWith(path, ".json"); };
  if (!std::ranges::all_of(files, is_json)) std::erase_if(files, is_json);
  const std::set<std::string> all(files.begin(), files.end());
  std::erase_if(files, [&](const std::string& path) {
    const size_t stem = path.size() - std::string_view(".caption").size();
    return path.ends_with(".caption") && all.contains(path.substr(0, stem) + ".txt");
  });
}

// The files that a folder stands for.
Paths FilesIn(const std::string& folder) {
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
  DropTwins(files);
  if (!files.empty()) return files;
  return absl::InvalidArgumentError(absl::StrCat(
      Printable(folder, 4096), ": found a folder without captions, expected files that end in ",
      kEndings, "; ", FolderContents(folder)));
}

// What `spec` names, with folders replaced by their files.
Paths ExpandFolders(const std::string& spec) {
  absl::StatusOr<std::vector<std::string>> paths = ExpandPaths(spec);
  if (!paths.ok()) return paths;
  std::vector<std::string> all;
  for (std::string& path : *paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      all.push_back(std::move(path));
      continue;
    }
    Paths files = FilesIn(path);
    if (!files.ok()) return files;
    all.insert(all.end(), files->begin(), files->end());
  }
  return all;
}

}  // namespace

absl::StatusOr<CaptionSet> ReadCaptions(const std::string& spec, EmptyCaptions empty) {
  const Paths paths = ExpandFolders(spec);
  if (!paths.ok()) return paths.status();
  const auto error = [](const std::string& path, const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": ", what...));
  };
  for (const std::string& path : *paths) {  // before an hour of reading
    if (ReaderOf(path) != nullptr) continue;
    std::error_code unknown;
    if (!std::filesystem::is_regular_file(path, unknown)) {
      if (const auto read = ReadFile(path, 0); !read.ok()) return read.status();
    }
    return error(path, "found a file of unknown kind, expected a name that ends in ", kEndings);
  }
  CaptionSet all;
  for (const std::string& path : *paths) {
    absl::StatusOr<CaptionSet> set = ReaderOf(path)(path, empty);
    if (!set.ok()) return set.status();
    if (all.captions.size() + set->captions.size() > kMaxCaptionsInAll) {
      return error(path, "found more than ", kMaxCaptionsInAll,
                   " captions up to here, expected at most that");
    }
    all.captions.insert(all.captions.end(), std::make_move_iterator(set->captions.begin()),
                        std::make_move_iterator(set->captions.end()));
    if (all.skipped == 0) all.first_skipped = std::move(set->first_skipped);
    all.skipped += set->skipped;
  }
  if (!all.captions.empty()) return all;
  return error(paths->front(), "found no caption but ", Count(all.skipped, "empty one"),
               ", expected at least one");
}

std::string SkippedNotice(const CaptionSet& set) {
  if (set.skipped == 0) return "";
  return absl::StrCat(Count(set.skipped, "empty caption"),
                      set.skipped == 1 ? " is skipped, in " : " are skipped, the first in ",
                      Printable(set.first_skipped, 4200));
}

}  // namespace draftp
