#include "draftp/evaluate/picture_folder.h"

#include <absl/status/status.h>
#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

#include "draftp/anneal/image_output.h"
#include "draftp/io/file_hash.h"
#include "draftp/io/last_name.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"
#include "draftp/io/utf8.h"
#include "draftp/run/exit_code.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxCaptionBytes = 1 << 20;
constexpr int64_t kMaxPictureBytes = 256 << 20;

std::string Shown(const std::string& path) { return Printable(path, 1000); }

bool IsPictureName(const std::string& name) {
  return !name.starts_with('.') && absl::EndsWithIgnoreCase(name, ".png");
}

std::string PointName(const std::string& folder) {
  const std::string name = LastName(folder);
  const std::string prefix = WeightTypeFolder("");
  return name.size() > prefix.size() && name.starts_with(prefix) ? name.substr(prefix.size())
                                                                 : name;
}

// DIR and NAME; a folder whose own name has a colon is meant by it.
std::pair<std::string, std::string> SplitName(const std::string& argument) {
  std::error_code error;
  const size_t colon = argument.rfind(':');
  if (colon == std::string::npos || fs::is_directory(argument, error)) return {argument, ""};
  return {argument.substr(0, colon), argument.substr(colon + 1)};
}

// The prompt of what AUTOMATIC1111 and its kin write: all before the line that begins the rest.
std::string PromptOfParameters(const std::string& parameters) {
  size_t end = std::min(parameters.find("\nNegative prompt: "), parameters.find("\nSteps: "));
  if (parameters.starts_with("Negative prompt: ") || parameters.starts_with("Steps: ")) end = 0;
  return parameters.substr(0, end);
}

// "prompt_00003_00.txt" of "img_00003_00.png".
std::vector<fs::path> FilesBeside(const fs::path& picture) {
  const std::string stem = picture.stem().string();
  std::vector<fs::path> files = {picture.parent_path() / (stem + ".txt"),
                                 picture.parent_path() / (stem + ".caption")};
  if (ParsePictureName(picture.filename().string()))
    files.push_back(picture.parent_path() / absl::StrCat("prompt", stem.substr(3), ".txt"));
  return files;
}

absl::StatusOr<std::string> CaptionOf(const std::string& path, const std::vector<PngText>& text) {
  for (const PngText& entry : text) {
    // ComfyUI keeps its graph of nodes under this key.
    if (entry.key == "prompt" && !entry.value.starts_with('{')) return entry.value;
  }
  for (const PngText& entry : text) {
    if (entry.key == "parameters") return PromptOfParameters(entry.value);
  }
  for (const fs::path& beside : FilesBeside(path)) {
    std::error_code error;
    if (!fs::exists(beside, error)) continue;
    auto caption = ReadFile(beside.string(), kMaxCaptionBytes);
    if (!caption.ok()) return caption.status();
    if (!IsUtf8(*caption)) {
      return absl::DataLossError(
          absl::StrCat(Shown(beside.string()), ": found bytes that aren't UTF-8"));
    }
    return std::string(absl::StripAsciiWhitespace(*caption));
  }
  return absl::NotFoundError(absl::StrCat(
      Shown(path),
      ": found no caption, expected it in the PNG's text (prompt or parameters) or in ",
      Shown(fs::path(path).stem().string()), ".txt beside it"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> PictureFilesIn(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (IsPictureName(entry->path().filename().string()) && entry->is_regular_file(ignored))
      files.push_back(entry->path().string());
  }
  if (error)
    return absl::NotFoundError(
        absl::StrCat(Shown(folder), ": ", error.message(), ", expected a folder"));
  std::ranges::sort(files);
  return files;
}

absl::StatusOr<std::vector<NamedFolder>> FindPictureFolders(const std::string& argument) {
  const auto [dir, name] = SplitName(argument);
  const auto own = PictureFilesIn(dir);
  if (!own.ok()) return absl::NotFoundError(absl::StrCat("--pictures: ", own.status().message()));
  std::vector<NamedFolder> folders;
  bool annealed = false;  // the subfolders are an annealing run's, beside its overview
  std::error_code error;
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const bool hidden = entry->path().filename().string().starts_with('.');
    if (hidden || !entry->is_directory(ignored)) continue;
    const std::string path = entry->path().string();
    const auto files = PictureFilesIn(path);
    if (!files.ok() || files->empty()) continue;
    annealed = annealed || entry->path().filename().string().starts_with(WeightTypeFolder(""));
    folders.push_back(
        {path, name.empty() ? PointName(path) : absl::StrCat(name, "/", PointName(path))});
  }
  if (!own->empty() && !annealed)
    return std::vector<NamedFolder>{{dir, name.empty() ? PointName(dir) : name}};
  if (folders.empty()) {
    return absl::NotFoundError(absl::StrCat("--pictures: found no PNG files in ", Shown(dir),
                                            " or its subfolders, expected some"));
  }
  std::ranges::sort(folders, {}, &NamedFolder::path);
  return folders;
}

absl::StatusOr<CaptionedPicture> ReadCaptionedPicture(const std::string& path) {
  const auto bytes = ReadFile(path, kMaxPictureBytes);
  if (!bytes.ok()) return bytes.status();
  auto png = DecodePng(Shown(path), *bytes);
  if (!png.ok()) return AsFailure(png.status());
  auto caption = CaptionOf(path, png->text);
  if (!caption.ok()) return caption.status();
  const auto seed = std::ranges::find(png->text, "seed", &PngText::key);
  const std::string noise = seed != png->text.end()
                                ? absl::StrCat("seed ", seed->value)
                                : absl::StrCat("name ", fs::path(path).stem().string());
  return CaptionedPicture{.path = path,
                          .caption = *std::move(caption),
                          .noise = noise,
                          .sha256 = Sha256OfText(*bytes),
                          .image = std::move(png->image)};
}

}  // namespace draftp
