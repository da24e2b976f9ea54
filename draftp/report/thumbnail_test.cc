// Areas averaged by hand, and what a decoder makes of the JPEGs.
#include "draftp/report/thumbnail.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>  // jpeglib.h needs it
#include <string>
#include <vector>

// After the standard library's.
#include <jpeglib.h>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::FailsWith;

RgbImage DecodedJpeg(const std::string& bytes) {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&jpeg, TRUE);
  jpeg_start_decompress(&jpeg);
  RgbImage image = FilledImage(static_cast<int>(jpeg.output_width),
                               static_cast<int>(jpeg.output_height), 0, 0, 0);
  while (jpeg.output_scanline < jpeg.output_height) {
    uint8_t* row = &image.pixels[static_cast<size_t>(jpeg.output_scanline) * jpeg.output_width * 3];
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return image;
}

double RootMeanSquare(const RgbImage& a, const RgbImage& b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::pow(a.pixels[i] - b.pixels[i], 2);
  return std::sqrt(sum / static_cast<double>(a.pixels.size()));
}

RgbImage SmoothPicture(int width, int height) {
  RgbImage image = FilledImage(width, height, 0, 0, 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      uint8_t* const pixel = &image.pixels[static_cast<size_t>(y * width + x) * 3];
      pixel[0] = static_cast<uint8_t>(255 * x / width);
      pixel[1] = static_cast<uint8_t>(255 * y / height);
      pixel[2] = static_cast<uint8_t>(128 + 100 * std::sin(6.0 * x / width));
    }
  }
  return image;
}

TEST(FitIntoTest, AveragesAreas) {
  RgbImage image = FilledImage(4, 2, 0, 0, 0);
  for (int i = 0; i < 8; ++i) image.pixels[3 * i] = static_cast<uint8_t>(10 * i);
  const RgbImage half = FitInto(image, 2, 2);
  EXPECT_EQ(half.width, 2);
  EXPECT_EQ(half.height, 1);
  EXPECT_EQ(half.pixels[0], (0 + 10 + 40 + 50) / 4);
  EXPECT_EQ(half.pixels[3], (20 + 30 + 60 + 70) / 4);
}

TEST(FitIntoTest, WeighsPartsOfPixels) {
  RgbImage image = FilledImage(3, 1, 0, 0, 0);
  image.pixels[0] = 90;
  image.pixels[3] = 30;
  const RgbImage two = FitInto(image, 2, 1);
  EXPECT_EQ(two.pixels[0], 70);  // (90 + 30 / 2) / 1.5
  EXPECT_EQ(two.pixels[3], 10);  // (30 / 2 + 0) / 1.5
}

TEST(FitIntoTest, KeepsColoursAndWhatFits) {
  EXPECT_EQ(FitInto(FilledImage(1000, 777, 220, 10, 10), 333, 333),
            FilledImage(333, 259, 220, 10, 10));
  EXPECT_EQ(FitInto(FilledImage(10, 10, 220, 10, 10), 10, 20), FilledImage(10, 10, 220, 10, 10));
}

// Each pixel becomes `out` equal ones, of which `in` are averaged: areas as whole numbers.
TEST(FitIntoTest, IsTheAverageOverAreasForAnySizes) {
  const RgbImage image = SmoothPicture(37, 23);
  const RgbImage small = FitInto(image, 11, 11);
  ASSERT_EQ(small.width, 11);
  ASSERT_EQ(small.height, 7);
  for (int y = 0; y < 7; ++y) {
    for (int x = 0; x < 11; ++x) {
      for (int c = 0; c < 3; ++c) {
        double sum = 0;
        for (int v = y * 23; v < (y + 1) * 23; ++v) {
          for (int u = x * 37; u < (x + 1) * 37; ++u)
            sum += image.pixels[static_cast<size_t>((v / 7 * 37 + u / 11) * 3 + c)];
        }
        EXPECT_NEAR(small.pixels[static_cast<size_t>((y * 11 + x) * 3 + c)], sum / (23 * 37),
                    0.502);
      }
    }
  }
}

TEST(EncodeJpegTest, ADecoderGetsThePictureBack) {
  const RgbImage image = SmoothPicture(61, 43);
  const std::string fine = *EncodeJpeg(image, 95), coarse = *EncodeJpeg(image, 30);
  for (const std::string& bytes : {fine, coarse}) {
    EXPECT_EQ(DecodedJpeg(bytes).width, 61);
    EXPECT_EQ(DecodedJpeg(bytes).height, 43);
  }
  EXPECT_LT(RootMeanSquare(DecodedJpeg(fine), image), 3);  // of 255; red for blue gives 80
  EXPECT_LT(coarse.size(), fine.size() * 2 / 3);
  EXPECT_EQ(fine, *EncodeJpeg(image, 95));
}

TEST(EncodeJpegTest, SaysWhatIsWrongWithThePicture) {
  EXPECT_THAT(EncodeJpeg({}, 80), FailsWith("JPEG: 0 bytes of pixels for 0x0, expected sides"));
  EXPECT_THAT(EncodeJpeg({2, 2, std::vector<uint8_t>(11)}, 80), FailsWith("11 bytes of pixels"));
  EXPECT_THAT(EncodeJpeg({65501, 1, std::vector<uint8_t>(65501 * 3)}, 80), FailsWith("1 to 65500"));
}

TEST(ThumbnailTest, IsSmallAndShowsThePicture) {
  const RgbImage image = SmoothPicture(1024, 768);
  const std::string bytes = *Thumbnail(image);
  const RgbImage shown = DecodedJpeg(bytes);
  EXPECT_EQ(shown.width, 96);
  EXPECT_EQ(shown.height, 72);
  EXPECT_LT(RootMeanSquare(shown, FitInto(image, 96, 96)), 5);
  EXPECT_LT(bytes.size(), 4000u);
  EXPECT_EQ(DecodedJpeg(*Thumbnail(SmoothPicture(20, 30))).height, 30);  // never enlarged
}

}  // namespace
}  // namespace draftp
