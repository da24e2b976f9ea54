#include "draftp/run/newest_checkpoint.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

namespace draftp {
namespace {

namespace fs = std::filesystem;

constexpr char kLora[] = "pytorch_lora_weights.safetensors";
constexpr char kUNet[] = "unet/diffusion_pytorch_model.safetensors";
constexpr char kShardedUNet[] = "unet/diffusion_pytorch_model.safetensors.index.json";

std::vector<fs::path> Folders(const fs::path& dir) {
  std::vector<fs::path> folders = {dir};
  for (const fs::path& parent : {dir, dir / "checkpoints"}) {
    std::error_code error;
    for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
         entry.increment(error)) {
      // A name that begins with a dot is a folder still being written.
      const std::string name = entry->path().filename().string();
      const bool derived = parent == dir && (name == "best" || name == "ema");
      if (entry->is_directory(error) && name[0] != '.' && !derived)
        folders.push_back(entry->path());
    }
  }
  return folders;
}

}  // namespace

absl::StatusOr<Checkpoint> NewestCheckpoint(const std::string& dir) {
  std::optional<Checkpoint> newest;
  fs::file_time_type newest_time;
  for (const fs::path& folder : Folders(dir)) {
    for (const char* weights : {kLora, kUNet, kShardedUNet}) {
      std::error_code error;
      const fs::file_time_type time = fs::last_write_time(folder / weights, error);
      if (error || (newest && time <= newest_time)) continue;
      newest_time = time;
      newest = weights == kLora ? Checkpoint{folder.string(), ""} : Checkpoint{"", folder.string()};
    }
  }
  if (!newest) {
    return absl::NotFoundError(absl::StrCat(dir, ": no checkpoint found, expected ", kLora,
                                            " or unet/ in it or in checkpoints/"));
  }
  return *newest;
}

}  // namespace draftp
