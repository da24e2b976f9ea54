#include "draftp/run/embedded.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace draftp {

absl::StatusOr<std::string> EmbeddedModelDir() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  std::vector<std::string> candidates = {
      (program.parent_path() / "../share/draftp/tiny_sdxl").lexically_normal(),  // the package
      program.string() + ".runfiles/draftp/testdata/tiny_sdxl",                  // bazel run
  };
  if (const char* runfiles = std::getenv("TEST_SRCDIR"))  // bazel test
    candidates.push_back(std::string(runfiles) + "/draftp/testdata/tiny_sdxl");
  for (const std::string& candidate : candidates) {
    const fs::path folder(candidate);
    if (folder.is_absolute() && fs::exists(folder / "model_index.json", error)) return candidate;
  }
  return absl::NotFoundError(
      absl::StrCat("the embedded model is in none of ", absl::StrJoin(candidates, ", ")));
}

absl::StatusOr<std::string> ClipVocabularyDir() { return absl::NotFoundError("later"); }

std::string ExpandEmbedded(const std::string& path, const std::string& dir) {
  if (path == "embedded") return dir;
  constexpr std::string_view kPrefix = "embedded:";
  return path.starts_with(kPrefix) ? dir + "/" + path.substr(kPrefix.size()) : path;
}

std::string DescribeModel(const std::string& path) {
  const auto embedded = EmbeddedModelDir();
  return embedded.ok() && path == *embedded ? "the embedded model" : path;
}

std::string CollapseEmbedded(const std::string& path, const std::string& dir) {
  if (dir.empty() || !path.starts_with(dir)) return path;
  if (path.size() == dir.size()) return "embedded";
  return path[dir.size()] == '/' ? "embedded:" + path.substr(dir.size() + 1) : path;
}

std::string CollapseEmbedded(const std::string& path) {
  const auto dir = EmbeddedModelDir();
  return dir.ok() ? CollapseEmbedded(path, *dir) : path;
}

}  // namespace draftp
