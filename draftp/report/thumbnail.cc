// Calls libjpeg with its longjmp kept inside a function that owns nothing.
#include "draftp/report/thumbnail.h"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // jpeglib.h needs it
#include <cstdlib>
#include <vector>

// After the standard library's.
#include <jpeglib.h>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace draftp {
namespace {

constexpr int kThumbnailSide = 96;
constexpr int kThumbnailQuality = 82;

// libjpeg's own handler ends the process.
struct Handler {
  jpeg_error_mgr base;  // first: libjpeg hands back a pointer to it
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void OnError(j_common_ptr jpeg) {
  auto* const handler = reinterpret_cast<Handler*>(jpeg->err);
  jpeg->err->format_message(jpeg, handler->message);
  std::longjmp(handler->back, 1);
}

void OnMessage(j_common_ptr) {}

// Whether it succeeded; `*bytes` is to be freed in either case.
bool Compress(const RgbImage& image, int quality, Handler& handler, unsigned char** bytes,
              unsigned long* size) {
  jpeg_compress_struct jpeg{};
  jpeg.err = jpeg_std_error(&handler.base);
  handler.base.error_exit = OnError;
  handler.base.output_message = OnMessage;
  if (setjmp(handler.back) != 0) {
    jpeg_destroy_compress(&jpeg);
    return false;
  }
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, bytes, size);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg.optimize_coding = TRUE;
  jpeg.dct_method = JDCT_ISLOW;
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    // libjpeg's rows aren't const, but it only reads them.
    auto* row = const_cast<JSAMPROW>(&image.pixels[static_cast<size_t>(jpeg.next_scanline) *
                                                   static_cast<size_t>(image.width) * 3]);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  return true;
}

// Along one axis a pixel of the result is the mean over [i, i+1) * in/out, ends taken by their
// part.
struct Axis {
  int lines, in, out;         // lines of `in` pixels become lines of `out`
  int line_step, pixel_step;  // of the source
  int out_line_step, out_pixel_step;
};

std::vector<float> Shrink(const std::vector<float>& in, const Axis& axis) {
  std::vector<float> result(static_cast<size_t>(axis.lines) * static_cast<size_t>(axis.out) * 3);
  const double ratio = static_cast<double>(axis.in) / axis.out;
  for (int i = 0; i < axis.out; ++i) {
    const double begin = i * ratio;
    const double end = std::min<double>(begin + ratio, axis.in);
    for (int j = static_cast<int>(begin); j < end; ++j) {
      const auto part =
          static_cast<float>((std::min<double>(j + 1, end) - std::max<double>(j, begin)) / ratio);
      for (int line = 0; line < axis.lines; ++line) {
        const float* const source = &in[static_cast<size_t>(line) * axis.line_step +
                                        static_cast<size_t>(j) * axis.pixel_step];
        float* const target = &result[static_cast<size_t>(line) * axis.out_line_step +
                                      static_cast<size_t>(i) * axis.out_pixel_step];
        for (int c = 0; c < 3; ++c) target[c] += part * source[c];
      }
    }
  }
  return result;
}

}  // namespace

RgbImage FitInto(const RgbImage& image, int width, int height) {
  if (image.width <= width && image.height <= height) return image;
  const double scale = std::min(static_cast<double>(width) / image.width,
                                static_cast<double>(height) / image.height);
  const int out_width = std::clamp(static_cast<int>(std::lround(image.width * scale)), 1, width);
  const int out_height = std::clamp(static_cast<int>(std::lround(image.height * scale)), 1, height);
  const std::vector<float> full(image.pixels.begin(), image.pixels.end());
  const std::vector<float> narrow =
      Shrink(full, {image.height, image.width, out_width, image.width * 3, 3, out_width * 3, 3});
  const std::vector<float> small =
      Shrink(narrow, {out_width, image.height, out_height, 3, out_width * 3, 3, out_width * 3});
  RgbImage result{out_width, out_height, std::vector<uint8_t>(small.size())};
  std::transform(small.begin(), small.end(), result.pixels.begin(), [](float value) {
    return static_cast<uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
  });
  return result;
}

absl::StatusOr<std::string> EncodeJpeg(const RgbImage& image, int quality) {
  if (image.width < 1 || image.height < 1 || image.width > JPEG_MAX_DIMENSION ||
      image.height > JPEG_MAX_DIMENSION ||
      image.pixels.size() !=
          static_cast<size_t>(image.width) * static_cast<size_t>(image.height) * 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        "JPEG: ", image.pixels.size(), " bytes of pixels for ", image.width, "x", image.height,
        ", expected sides of 1 to ", JPEG_MAX_DIMENSION, " and 3 bytes a pixel"));
  }
  Handler handler{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const absl::Cleanup free_bytes = [&bytes] { std::free(bytes); };
  if (!Compress(image, quality, handler, &bytes, &size))
    return absl::InternalError(absl::StrCat("libjpeg: ", handler.message));
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

absl::StatusOr<std::string> Thumbnail(const RgbImage& image) {
  return EncodeJpeg(FitInto(image, kThumbnailSide, kThumbnailSide), kThumbnailQuality);
}

}  // namespace draftp
