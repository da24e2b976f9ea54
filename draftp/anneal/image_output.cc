#include "draftp/anneal/image_output.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <filesystem>
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
           entry.key == "tuned";
  });
  return text;
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
  return text;
}

std::string WeightTypeFolder(const std::string& weight_type) {
  return absl::StrCat("annealed_outputs_sdxl_", weight_type);
}

std::string WeightTypeDir(const std::string& dir, const std::string& weight_type) {
  return absl::StrCat(dir, "/", WeightTypeFolder(weight_type));
}

std::string ImagePath(const std::string& dir, const ImageRecord& record) {
  return absl::StrFormat("%s/img_%05d_%02d.png", WeightTypeDir(dir, record.weight_type),
                         record.index, record.rank);
}

std::string PromptPath(const std::string& dir, const ImageRecord& record) {
  return absl::StrFormat("%s/prompt_%05d_%02d.txt", WeightTypeDir(dir, record.weight_type),
                         record.index, record.rank);
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
