#include "draftp/shard/shared_folder.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <random>
#include <system_error>
#include <thread>
#include <vector>

#include "draftp/io/atomic_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

std::string RandomName() {
  std::random_device random;
  return absl::StrFormat("ranks-%08x%08x", random(), random());
}

// A file that lies in a folder while this lives.
absl::StatusOr<AtomicFile> LeaveMark(const std::string& dir, const std::string& name) {
  return AtomicFile::Create(absl::StrCat(dir, "/", name));
}

bool SeesMark(const std::string& dir, const std::string& name) {
  std::error_code error;
  for (fs::directory_iterator file(dir, error), end; !error && file != end; file.increment(error)) {
    if (file->path().filename().string().starts_with(absl::StrCat(".", name, "."))) return true;
  }
  return false;
}

bool FindsMark(const std::string& dir, const std::string& name, double patience_seconds) {
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(patience_seconds);
  while (!SeesMark(dir, name)) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return true;
}

// Of ranks that don't see it.
absl::Status NotShared(const std::string& dir, const std::vector<int>& ranks) {
  return absl::InvalidArgumentError(absl::StrCat(
      "--output_dir: ", ranks.size() == 1 ? "rank " : "ranks ", absl::StrJoin(ranks, ", "),
      ranks.size() == 1 ? " doesn't see " : " don't see ", Printable(dir, 1000),
      " as rank 0 has it, expected a file system that all ranks share"));
}

}  // namespace

absl::Status CheckFolderIsShared(const std::string& dir, World& world, const std::string& root,
                                 double patience_seconds) {
  if (world.size() == 1) return absl::OkStatus();
  const std::string name = world.FirstText("output folder", RandomName());
  const std::string place = world.FirstText("output folder", dir);
  std::optional<absl::StatusOr<AtomicFile>> mark;
  if (world.first()) mark = LeaveMark(place, name);
  const absl::Status left = mark ? mark->status() : absl::OkStatus();
  if (absl::Status agreed = world.Agree("output folder", left); !agreed.ok()) return agreed;
  const bool sees = FindsMark(root + place, name, patience_seconds);
  const std::vector<std::string> all = world.GatherTexts("output folder", sees ? "sees" : "");
  std::vector<int> blind;
  for (int rank = 0; rank < world.size(); ++rank) {
    if (all[rank].empty()) blind.push_back(rank);
  }
  // All know it; rank 0 says it.
  const absl::Status shared =
      blind.empty() || !world.first() ? absl::OkStatus() : NotShared(place, blind);
  return world.Agree("output folder", shared);
}

}  // namespace draftp
