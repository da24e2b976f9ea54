#include "draftp/anneal/anneal_folder.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "draftp/anneal/anneal_identity.h"
#include "draftp/anneal/image_output.h"
#include "draftp/io/png.h"
#include "draftp/io/printable.h"
#include "draftp/run/earlier_run.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

bool IsOurs(const std::string& path) {
  const auto png = ReadPng(path);
  return png.ok() && std::ranges::any_of(png->text, [](const PngText& text) {
           return text.key == "Software" && text.value.starts_with("draftp");
         });
}

}  // namespace

absl::StatusOr<std::vector<std::string>> TypesThatStay(
    const AnnealConfig& config, const std::string& dir,
    const std::function<absl::StatusOr<RunIdentity>()>& identity) {
  const auto earlier = ReadEarlierRun(dir);
  if (!earlier) return std::vector<std::string>{};
  const auto refused = [&](const std::string& found, const std::string& expected) {
    return absl::InvalidArgumentError(absl::StrCat("--output_dir: found ", found, " in ",
                                                   Printable(dir, 1000), ", expected ", expected));
  };
  if (earlier->program == "train") return refused("a training run", "another folder");
  std::string why = "no run.json tells which";
  if (earlier->identity) {
    const auto own = identity();
    if (!own.ok()) return own.status();
    const std::vector<std::string> differences = AnnealDifferences(*earlier->identity, *own);
    if (differences.empty()) return earlier->weight_types;
    why = FirstOf(differences);
  }
  if (config.overwrite || config.skip_existing) return std::vector<std::string>{};
  return refused(absl::StrCat("the pictures of another run (", why, ")"),
                 "another folder, or --overwrite");
}

absl::Status CheckAnnealInputs(const AnnealConfig& config, const std::vector<InputFile>& inputs,
                               const std::vector<Blend>& blends, const std::string& dir) {
  std::vector<InputFile> files = inputs;
  for (const std::string& path : config.prompts) files.push_back({"prompts", path});
  std::vector<std::string> outputs = {"run.json", "overview.png"};
  for (const Blend& blend : blends) outputs.push_back(WeightTypeFolder(blend.text));
  return CheckInputsLieElsewhere(files, dir, outputs);
}

std::vector<std::string> StalePictures(const std::string& dir,
                                       const std::vector<std::string>& types,
                                       const AnnealPlan& plan) {
  std::vector<std::string> folders;
  for (const std::string& type : types) folders.push_back(WeightTypeFolder(type));
  std::vector<std::string> stale;
  std::error_code error;
  for (fs::directory_iterator folder(dir, error), end; !error && folder != end;
       folder.increment(error)) {
    const std::string name = folder->path().filename().string();
    std::error_code unknown;
    if (!name.starts_with(WeightTypeFolder("")) || folder->is_symlink(unknown)) continue;
    const bool current = std::ranges::find(folders, name) != folders.end();
    for (fs::directory_iterator file(folder->path(), unknown); !unknown && file != end;
         file.increment(unknown)) {
      const auto picture = ParsePictureName(file->path().filename().string());
      if (!picture || file->is_symlink(unknown)) continue;
      const bool planned =
          picture->index < plan.images() && (!plan.each_draws_all || picture->rank < plan.ranks);
      if (current && planned) continue;
      if (IsOurs(file->path().string())) stale.push_back(file->path().string());
    }
  }
  std::ranges::sort(stale);
  return stale;
}

void RemovePictures(const std::vector<std::string>& pictures) {
  for (const std::string& picture : pictures) {
    const fs::path path(picture);
    std::string caption = path.filename().string();  // img_00012_00.png -> prompt_00012_00.txt
    caption.replace(0, 3, "prompt").replace(caption.size() - 3, 3, "txt");
    std::error_code error;
    fs::remove(path, error);
    fs::remove(path.parent_path() / caption, error);
    fs::remove(path.parent_path(), error);  // once it is empty
  }
}

void RemoveOtherRanks(const std::string& dir, const std::string& type, int64_t image, int rank,
                      const std::vector<int>& ranks) {
  for (const int other : ranks) {
    if (other == rank) continue;
    const std::string path = ImagePath(dir, {.weight_type = type, .index = image, .rank = other});
    std::error_code unknown;
    if (!fs::is_symlink(path, unknown) && IsOurs(path)) RemovePictures({path});
  }
}

}  // namespace draftp
