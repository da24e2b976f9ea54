#include "draftp/run/input_hashes.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <utility>

#include "draftp/io/file_hash.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

}  // namespace

InputHashes::InputHashes(std::vector<InputFile> files)
    : files_(std::move(files)), hashes_(absl::UnavailableError("")) {
  thread_ = std::thread([this] {
    const std::string cache = HashCacheFolder();
    std::map<std::string, std::string> hashes;
    for (const InputFile& file : files_) {
      auto hash = RememberedSha256(file.path, cache, &stop_);
      if (!hash.ok()) {
        hashes_ = hash.status();
        return;
      }
      hashes[file.role] = *std::move(hash);
    }
    hashes_ = std::move(hashes);
  });
}

InputHashes::~InputHashes() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

const absl::StatusOr<std::map<std::string, std::string>>& InputHashes::Get() {
  if (thread_.joinable()) thread_.join();
  return hashes_;
}

std::string CombinedHash(const std::map<std::string, std::string>& hashes) {
  if (hashes.size() == 1) return hashes.begin()->second;
  std::string lines;
  for (const auto& [role, hash] : hashes) absl::StrAppend(&lines, role, " ", hash, "\n");
  return Sha256OfText(lines);
}

absl::Status CheckInputsLieElsewhere(const std::vector<InputFile>& files, const std::string& dir,
                                     const std::vector<std::string>& outputs) {
  for (const InputFile& file : files) {
    std::error_code error;
    const fs::path input = fs::canonical(file.path, error);
    if (error) continue;
    for (const std::string& output : outputs) {
      const fs::path place = fs::weakly_canonical(fs::path(dir) / output, error);
      const auto [end, rest] = std::ranges::mismatch(place, input);
      if (error || end != place.end()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "--output_dir: found ", Printable(file.path, 1000), ", which this run reads, where its ",
          output, " goes, expected a folder without the run's own inputs"));
    }
  }
  return absl::OkStatus();
}

}  // namespace draftp
