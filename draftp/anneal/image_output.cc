#include "draftp/anneal/image_output.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "draftp/io/atomic_file.h"
#include "draftp/version.h"

namespace draftp {
namespace {

// What decides the picture: hashes tell models, whatever they are called.
std::vector<PngText> Deciding(std::vector<PngText> text) {
  std::erase_if(text, [](const PngText& entry) {
    return entry.key == "Software" || entry.key == "model" || entry.key == "lora" ||
           entry.key == "tuned" || entry.key == "parameters";
  });
  return text;
}

std::string PictureFile(int64_t index, int rank) {
  return absl::StrFormat("img_%05d_%02d.png", index, rank);
}

}  // namespace

std::vector<PngText> ImageRecord::Text() const {
  std::vector<PngText> text = {{"Software", absl::StrCat("draftp ", kVersion)},
                               {"prompt", prompt},
                               {"seed", absl::StrCat(seed)},
                               {"image_index", absl::StrCat(index)},
                               {"weight_type", weight_type}};
  text.insert(text.end(), made_by.begin(), made_by.end());
  if (!negative_prompt.empty()) text.push_back({"negative_prompt", negative_prompt});
  if (!parameters.empty()) text.push_back({"parameters", parameters});
  return text;
}

std::string WeightTypeFolder(const std::string& weight_type) {
  return absl::StrCat("annealed_outputs_sdxl_", weight_type);
}

std::string WeightTypeDir(const std::string& dir, const std::string& weight_type) {
  return absl::StrCat(dir, "/", WeightTypeFolder(weight_type));
}

std::string ImagePath(const std::string& dir, const ImageRecord& record) {
  return absl::StrCat(WeightTypeDir(dir, record.weight_type), "/",
                      PictureFile(record.index, record.rank));
}

std::string PromptPath(const std::string& dir, const ImageRecord& record) {
  return absl::StrFormat("%s/prompt_%05d_%02d.txt", WeightTypeDir(dir, record.weight_type),
                         record.index, record.rank);
}

std::optional<PictureName> ParsePictureName(const std::string& name) {
  constexpr std::string_view kBegin = "img_", kEnd = ".png";
  const size_t last = name.rfind('_');
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd) || last < kBegin.size())
    return std::nullopt;
  const std::string index = name.substr(kBegin.size(), last - kBegin.size());
  const std::string rank = name.substr(last + 1, name.size() - kEnd.size() - last - 1);
  PictureName parsed{};
  if (!absl::SimpleAtoi(index, &parsed.index) || !absl::SimpleAtoi(rank, &parsed.rank) ||
      parsed.index < 0 || parsed.rank < 0 || PictureFile(parsed.index, parsed.rank) != name) {
    return std::nullopt;
  }
  return parsed;
}

RanksOfImages PicturesIn(const std::string& dir, const std::string& weight_type) {
  RanksOfImages ranks;
  std::error_code error;
  for (std::filesystem::directory_iterator file(WeightTypeDir(dir, weight_type), error), end;
       !error && file != end; file.increment(error)) {
    if (const auto name = ParsePictureName(file->path().filename().string()))
      ranks[name->index].push_back(name->rank);
  }
  for (auto& [image, of_image] : ranks) std::ranges::sort(of_image);
  return ranks;
}

absl::Status WriteImageFiles(const std::string& dir, const ImageRecord& record,
                             const RgbImage& image) {
  if (absl::Status written = WriteFileAtomically(PromptPath(dir, record), record.prompt);
      !written.ok()) {
    return written;
  }
  return WritePng(ImagePath(dir, record), image, record.Text());
}

std::optional<RgbImage> ReadExistingImage(const std::string& dir, const ImageRecord& record) {
  const std::string path = ImagePath(dir, record);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  auto file = ReadPng(path);
  if (!file.ok() || Deciding(file->text) != Deciding(record.Text())) return std::nullopt;
  return std::move(file->image);
}

}  // namespace draftp
