// PNG pictures of 8-bit RGB with text chunks, encoded in memory and written whole.
#ifndef DRAFTP_IO_PNG_H_
#define DRAFTP_IO_PNG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace draftp {

struct RgbImage {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;  // [height, width, 3], red first

  friend bool operator==(const RgbImage&, const RgbImage&) = default;
};

// A picture of one colour.
RgbImage FilledImage(int width, int height, uint8_t red, uint8_t green, uint8_t blue);

// One entry of a PNG's text. Key: 1 to 79 printable ASCII characters, no space at its ends.
// Value: UTF-8; null bytes and what isn't UTF-8 become U+FFFD.
struct PngText {
  std::string key;
  std::string value;

  friend bool operator==(const PngText&, const PngText&) = default;
};

// The bytes of a PNG file. Text that Latin-1 can hold goes into tEXt chunks, other text into iTXt.
// The same input gives the same bytes. Errors: sizes that aren't positive or don't match the number
// of pixels, malformed keys.
absl::StatusOr<std::string> EncodePng(const RgbImage& image, const std::vector<PngText>& text = {});

// EncodePng into a file that appears whole.
absl::Status WritePng(const std::string& path, const RgbImage& image,
                      const std::vector<PngText>& text = {});

struct PngFile {
  RgbImage image;
  std::vector<PngText> text;  // in the order of the file
};

// A PNG of any kind as RGB8 (transparency is dropped). At most 2^26 pixels and 2^14 a side; text
// chunks of at most 1 MiB. Errors begin with `source`.
absl::StatusOr<PngFile> DecodePng(const std::string& source, std::string_view bytes);

// DecodePng of a file of at most 256 MiB.
absl::StatusOr<PngFile> ReadPng(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_IO_PNG_H_
