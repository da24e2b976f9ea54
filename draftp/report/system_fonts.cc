#include "draftp/report/system_fonts.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace draftp {
namespace {

// Beginnings of file names, the preferred first.
constexpr const char* kKnown[] = {"notosanscjk",  "sourcehansans",   "notosanssc",
                                  "notosansjp",   "notosanskr",      "notosanstc",
                                  "wqy-microhei", "wqy-zenhei",      "droidsansfallback",
                                  "ipag",         "takao",           "vl-gothic",
                                  "nanumgothic",  "uming",           "notoemoji",
                                  "symbola",      "notosanssymbols", "notosans",
                                  "freesans",     "freeserif",       "unifont"};

// Its place in the order of preference; none: it isn't known.
std::optional<size_t> RankOf(const std::string& file_name) {
  const std::string name = absl::AsciiStrToLower(file_name);
  if (!absl::EndsWith(name, ".ttf") && !absl::EndsWith(name, ".ttc") &&
      !absl::EndsWith(name, ".otf") && !absl::EndsWith(name, ".otc")) {
    return std::nullopt;
  }
  const auto* const known =
      std::find_if(std::begin(kKnown), std::end(kKnown),
                   [&name](const char* beginning) { return absl::StartsWith(name, beginning); });
  if (known == std::end(kKnown)) return std::nullopt;
  auto rank = static_cast<size_t>(known - std::begin(kKnown));
  for (const char* style :
       {"bold", "light", "thin", "black", "medium", "italic", "mono", "condensed"})
    rank += absl::StrContains(name, style) ? std::size(kKnown) : 0;
  return rank;
}

}  // namespace

std::vector<std::string> FindFonts(const std::vector<std::string>& folders) {
  constexpr size_t kMostNames = 20'000, kMostFonts = 40;
  constexpr int kDepth = 6;
  std::vector<std::pair<size_t, std::string>> found;
  size_t names = 0;
  for (const std::string& folder : folders) {
    std::error_code error;
    std::filesystem::recursive_directory_iterator entry(
        folder, std::filesystem::directory_options::skip_permission_denied, error);
    for (; !error && entry != std::filesystem::recursive_directory_iterator() && names < kMostNames;
         ++names, entry.increment(error)) {
      if (entry.depth() >= kDepth) entry.disable_recursion_pending();
      const auto rank = RankOf(entry->path().filename().string());
      std::error_code none;
      if (rank && entry->is_regular_file(none)) found.emplace_back(*rank, entry->path().string());
    }
  }
  std::sort(found.begin(), found.end());
  if (found.size() > kMostFonts) found.resize(kMostFonts);
  std::vector<std::string> fonts;
  for (auto& [rank, path] : found) fonts.push_back(std::move(path));
  return fonts;
}

const std::vector<std::string>& SystemFonts() {
  static const std::vector<std::string> kFonts =
      FindFonts({"/usr/local/share/fonts", "/usr/share/fonts"});
  return kFonts;
}

}  // namespace draftp
