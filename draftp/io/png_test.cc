// PNG files against Pillow's, and hostile ones.
#include "draftp/io/png.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cerrno>
#include <string>
#include <vector>

#include "draftp/io/atomic_file.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

// 7x5, pixel (x, y) by `value`, as testdata/generate/png.py states it.
template <class F>
RgbImage Picture(F value) {
  RgbImage image = FilledImage(7, 5, 0, 0, 0);
  for (int i = 0; i < 35; ++i) {
    const std::vector<int> rgb = value(i % 7, i / 7);
    for (int c = 0; c < 3; ++c) image.pixels[3 * i + c] = static_cast<uint8_t>(rgb[c]);
  }
  return image;
}

RgbImage Ramp() {
  return Picture([](int x, int y) { return std::vector<int>{30 * x, 50 * y, 255 - 30 * x}; });
}

bool Has(const std::string& bytes, const std::string& chunk) {
  return bytes.find(chunk) != std::string::npos;
}

TEST(PngTest, ReadsPillowsPicturesOfEveryKind) {
  EXPECT_EQ(ReadPng("testdata/goldens/png_rgb.png")->image, Ramp());
  EXPECT_EQ(ReadPng("testdata/goldens/png_rgba.png")->image, Ramp());
  EXPECT_EQ(ReadPng("testdata/goldens/png_gray16.png")->image,
            Picture([](int x, int y) { return std::vector<int>(3, 10 * x + 40 * y); }));
  EXPECT_EQ(ReadPng("testdata/goldens/png_palette.png")->image, Picture([](int x, int y) {
              std::vector<int> rgb(3);
              rgb[(x + y) % 3] = 255;
              return rgb;
            }));
}

TEST(PngTest, ReadsPillowsTextOfEveryChunk) {
  EXPECT_THAT(ReadPng("testdata/goldens/png_rgb.png")->text,
              ElementsAre(PngText{"plain", "naïve\nline"}, PngText{"packed", std::string(100, 'z')},
                          PngText{"prompt", "猫と犬 ☕"}));
}

TEST(PngTest, RoundTripsPixelsAndText) {
  const TemporaryFolder folder;
  const std::vector<PngText> text = {
      {"prompt", "a \"naïve\" cat\nof 2"}, {"Prompt 2", "猫 🙂"}, {"empty", ""}};
  ASSERT_TRUE(WritePng(folder / "a.png", Ramp(), text).ok());
  const absl::StatusOr<PngFile> file = ReadPng(folder / "a.png");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->image, Ramp());
  EXPECT_EQ(file->text, text);
}

TEST(PngTest, UsesInternationalTextOnlyWhereLatin1DoesNotDo) {
  EXPECT_FALSE(Has(*EncodePng(Ramp(), {{"k", "naïve"}}), "iTXt"));
  EXPECT_TRUE(Has(*EncodePng(Ramp(), {{"k", "naïve"}}), "tEXt"));
  EXPECT_TRUE(Has(*EncodePng(Ramp(), {{"k", "猫"}}), "iTXt"));
  EXPECT_FALSE(Has(*EncodePng(Ramp(), {{"k", "猫"}}), "tEXt"));
}

TEST(PngTest, ReplacesWhatTextChunksCannotHold) {
  const std::string bytes = *EncodePng(Ramp(), {{"k", std::string("a\0b\xff", 4)}});
  EXPECT_THAT(DecodePng("m", bytes)->text, ElementsAre(PngText{"k", "a\uFFFDb\uFFFD"}));
}

TEST(PngTest, IsDeterministic) {
  EXPECT_EQ(*EncodePng(Ramp(), {{"k", "v"}}), *EncodePng(Ramp(), {{"k", "v"}}));
}

TEST(PngTest, RejectsMalformedPicturesAndKeys) {
  EXPECT_THAT(EncodePng({2, 2, std::vector<uint8_t>(11)}),
              FailsWith("found a picture of 2x2 with 11 bytes"));
  EXPECT_THAT(EncodePng({0, 0, {}}), FailsWith("found a picture of 0x0"));
  for (const std::string& key :
       {std::string(), std::string(80, 'k'), std::string(" k"), std::string("a\nb")}) {
    EXPECT_THAT(EncodePng(Ramp(), {{key, "v"}}), FailsWith("found PNG text key"));
  }
  EXPECT_THAT(WritePng("f.png", {0, 0, {}}), FailsWith("f.png: found a picture of 0x0"));
}

TEST(PngTest, AFullDiskLeavesNoFile) {
  const TemporaryFolder folder;
  const testing::ScopedWriteFault fault(ENOSPC, 20);
  EXPECT_THAT(WritePng(folder / "a.png", Ramp()),
              FailsWith("/a.png: can't write: No space left on device"));
  EXPECT_THAT(folder.Names(), IsEmpty());
}

TEST(PngTest, NamesFilesThatAreNoPng) {
  EXPECT_THAT(DecodePng("f.png", ""), FailsWith("f.png: found no PNG signature"));
  EXPECT_THAT(DecodePng("f.png", "JFIF rubbish"), FailsWith("f.png: found no PNG signature"));
  EXPECT_THAT(ReadPng("no.png"), FailsWith("no.png: can't read"));
}

TEST(PngTest, RejectsEveryTruncation) {
  const std::string good = *EncodePng(Ramp(), {{"prompt", "猫"}});
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THAT(DecodePng("f.png", good.substr(0, length)), FailsWith("f.png: "));
  }
}

TEST(PngTest, SurvivesFlippedBits) {
  const std::string good = Contents("testdata/goldens/png_rgb.png");
  int rejected = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    rejected += DecodePng("f.png", bad).ok() ? 0 : 1;
  }
  EXPECT_GT(rejected, 500);  // a damaged text chunk is passed over
}

// A PNG of one pixel whose header claims another size.
std::string Claiming(int width, int height) {
  std::string bytes = *EncodePng(FilledImage(1, 1, 0, 0, 0));
  const auto put = [&bytes](size_t at, uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (24 - 8 * i));
  };
  put(16, static_cast<uint32_t>(width));
  put(20, static_cast<uint32_t>(height));
  put(29, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(&bytes[12]), 17)));
  return bytes;
}

TEST(PngTest, BoundsTheSizeThatAFileClaims) {
  EXPECT_TRUE(DecodePng("f", Claiming(1, 1)).ok());
  EXPECT_THAT(DecodePng("f", Claiming(3, 2)), FailsWith("isn't a valid PNG"));
  EXPECT_THAT(DecodePng("f", Claiming(16385, 1)), FailsWith("isn't a valid PNG"));
  EXPECT_THAT(DecodePng("f", Claiming(8193, 8192)), FailsWith("found 8193x8192 pixels"));
}

TEST(PngTest, BoundsTheLengthThatAChunkClaims) {
  std::string bytes = *EncodePng(Ramp(), {{"k", "v"}});
  bytes[bytes.find("tEXt") - 4] = 0x7f;
  EXPECT_THAT(DecodePng("f", bytes), FailsWith("its chunks run past its end"));
  EXPECT_FALSE(DecodePng("f", *EncodePng(Ramp(), {{"k", std::string(2 << 20, 'v')}})).ok());
}

TEST(PngTest, SurvivesDamagedFiles) {
  for (const char* file : {"png_gray16.png", "png_palette.png", "png_rgb.png", "png_rgba.png"}) {
    testing::ExpectCopySurvivesDamage(
        std::string("testdata/goldens/") + file, {},
        [](const std::string& path) { return ReadPng(path).status(); });
  }
}

}  // namespace
}  // namespace draftp
