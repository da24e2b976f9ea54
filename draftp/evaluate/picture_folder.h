// Folders of pictures that anything has drawn, with the captions that they were drawn of.
#ifndef DRAFTP_EVALUATE_PICTURE_FOLDER_H_
#define DRAFTP_EVALUATE_PICTURE_FOLDER_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "draftp/io/png.h"

namespace draftp {

struct NamedFolder {
  std::string path;
  std::string name;  // "linear" of annealed_outputs_sdxl_linear, else the folder's own
};

// What DIR or DIR:NAME, a value of --pictures, stands for: the folder itself where PNG files lie in
// it, else, or where it is an annealing run's, each of its subfolders that holds some, in byte
// order; a NAME stands for the folder, or before those of subfolders ("NAME/linear"). Errors name
// the folder.
absl::StatusOr<std::vector<NamedFolder>> FindPictureFolders(const std::string& argument);

// The PNG files in a folder, in byte order of their names; hidden ones not. NotFound names it.
absl::StatusOr<std::vector<std::string>> PictureFilesIn(const std::string& folder);

// A picture with what it was drawn of.
//
// The caption: its PNG's text "prompt" (as this project writes it), the prompt that the web UIs'
// "parameters" begin with, else the text file beside it: X.txt or X.caption of X.png, prompt_*.txt
// of img_*.png.
struct CaptionedPicture {
  std::string path;
  std::string caption;
  std::string noise;   // the same in pictures of two folders that began with the same noise: the
                       // PNG's text "seed", else the file's name
  std::string sha256;  // of the file
  RgbImage image;
};

// Errors name the picture: it can't be read, is damaged, has no caption.
absl::StatusOr<CaptionedPicture> ReadCaptionedPicture(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_PICTURE_FOLDER_H_
