// The files of one picture: the original's folder and names, and what the PNG says about itself.
#ifndef DRAFTP_ANNEAL_IMAGE_OUTPUT_H_
#define DRAFTP_ANNEAL_IMAGE_OUTPUT_H_

#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "draftp/io/png.h"

namespace draftp {

// What was drawn, as the picture's text chunks keep it.
struct ImageRecord {
  std::string weight_type;  // as typed; names the folder
  int64_t index = 0;        // global image index
  int rank = 0;             // global rank
  std::string prompt = {};
  std::string negative_prompt = {};
  uint64_t seed = 0;                  // of this picture's noise: what redraws it alone
  std::vector<PngText> made_by = {};  // models by name and SHA-256, settings: all else that decides
  std::string parameters = {};        // the same for other programs: web_ui_text.h

  std::vector<PngText> Text() const;
};

// annealed_outputs_sdxl_{weight_type}, the folder of its pictures; and that below {dir}
std::string WeightTypeFolder(const std::string& weight_type);
std::string WeightTypeDir(const std::string& dir, const std::string& weight_type);
// .../img_{idx:05d}_{rank:02d}.png and .../prompt_{idx:05d}_{rank:02d}.txt
std::string ImagePath(const std::string& dir, const ImageRecord& record);
std::string PromptPath(const std::string& dir, const ImageRecord& record);

// Image and rank of img_00012_03.png; none for any other name.
struct PictureName {
  int64_t index;
  int rank;
};
std::optional<PictureName> ParsePictureName(const std::string& name);

// The ranks under whose numbers `dir` has pictures of a weight type, by image.
using RanksOfImages = std::map<int64_t, std::vector<int>>;
RanksOfImages PicturesIn(const std::string& dir, const std::string& weight_type);

// Writes caption and picture, the picture last, each whole or not at all. The folder must exist.
absl::Status WriteImageFiles(const std::string& dir, const ImageRecord& record,
                             const RgbImage& image);

// The picture that an earlier run left, if it is whole and says of itself exactly what `record`
// says, whichever version of this program wrote it and whatever the models' files were called;
// `parameters` don't count.
std::optional<RgbImage> ReadExistingImage(const std::string& dir, const ImageRecord& record);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_IMAGE_OUTPUT_H_
