// Any bytes as a picture that a run finds in its folder: an error of one line, or a picture whose
// size and pixels agree and that comes back from its own encoding.
#include "draftp/io/png.h"
#include "draftp/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using draftp::testing::FuzzRequire;
  using draftp::testing::FuzzRequireMessage;
  const auto file =
      draftp::DecodePng("a.png", std::string_view(reinterpret_cast<const char*>(data), size));
  if (!file.ok()) {
    FuzzRequireMessage(file.status().message(), "a.png: ");
    return 0;
  }
  const draftp::RgbImage& image = file->image;
  FuzzRequire(image.width > 0 && image.height > 0, "sizes are positive");
  FuzzRequire(image.pixels.size() == size_t{3} * image.width * image.height, "pixels fit the size");
  if (image.pixels.size() > 1 << 16) return 0;
  const auto again = draftp::EncodePng(image);
  FuzzRequire(again.ok(), "what was decoded can be encoded");
  const auto decoded = draftp::DecodePng("b.png", *again);
  FuzzRequire(decoded.ok() && decoded->image.pixels == image.pixels, "pixels are kept");
  return 0;
}
