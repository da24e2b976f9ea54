#include "draftp/io/folder_contents.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"

namespace draftp {

std::vector<std::string> FolderNames(const std::string& path) {
  constexpr size_t kMostNames = 10'000;
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error), end;
  for (; !error && entry != end && names.size() < kMostNames; entry.increment(error))
    names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string FolderContents(const std::string& path) {
  constexpr size_t kShown = 3;
  const std::vector<std::string> names = FolderNames(path);
  if (names.empty()) return "it is empty";
  std::string text = "it holds ";
  const size_t shown = names.size() <= kShown + 1 ? names.size() : kShown;
  for (size_t i = 0; i < shown; ++i) {
    const bool last = i > 0 && i + 1 == names.size();
    absl::StrAppend(&text, i == 0 ? "" : last ? " and " : ", ", Printable(names[i], 80));
  }
  if (shown < names.size()) absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

}  // namespace draftp
