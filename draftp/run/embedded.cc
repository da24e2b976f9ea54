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

namespace {

// `packaged` under share/draftp of the package, or `source` of the repository; `file` is in it.
absl::StatusOr<std::string> FindShipped(const std::string& what, const std::string& packaged,
                                        const std::string& source, const std::string& file) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  std::vector<std::string> candidates = {
      (program.parent_path() / "../share/draftp" / packaged).lexically_normal(),  // the package
      program.string() + ".runfiles/draftp/" + source,                            // bazel run
  };
  if (const char* runfiles = std::getenv("TEST_SRCDIR"))  // bazel test
    candidates.push_back(std::string(runfiles) + "/draftp/" + source);
  for (const std::string& candidate : candidates) {
    const fs::path folder(candidate);
    if (folder.is_absolute() && fs::exists(folder / file, error)) return candidate;
  }
  return absl::NotFoundError(
      absl::StrCat(what, " is in none of ", absl::StrJoin(candidates, ", ")));
}

}  // namespace

absl::StatusOr<std::string> EmbeddedModelDir() {
  return FindShipped("the embedded model", "tiny_sdxl", "testdata/tiny_sdxl", "model_index.json");
}

absl::StatusOr<std::string> ClipVocabularyDir() {
  return FindShipped("CLIP's vocabulary", "clip", "third_party/clip_vocabulary/clip",
                     "tokenizer/vocab.json");
}

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
