// Text on pictures: measure, placement, line breaks, any input.
#include "draftp/report/text_font.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;

constexpr Color kBlack{0, 0, 0};

// Without the system's fonts.
TextFont Font(int pixels = 14, const std::vector<std::string>& further = {}) {
  return *TextFont::Create(FontWeight::kRegular, pixels, [further] { return further; });
}

// The pixels that aren't white, as [left, top, right, bottom).
struct Box {
  int left = 1 << 20, top = 1 << 20, right = 0, bottom = 0;
};

Box Ink(const RgbImage& image) {
  Box box;
  for (int i = 0; i < image.width * image.height; ++i) {
    if (image.pixels[3 * i] == 255) continue;
    const int x = i % image.width;
    const int y = i / image.width;
    box = {std::min(box.left, x), std::min(box.top, y), std::max(box.right, x + 1),
           std::max(box.bottom, y + 1)};
  }
  return box;
}

RgbImage Drawn(const std::string& text, int x = 20, int baseline = 40) {
  RgbImage image = FilledImage(200, 60, 255, 255, 255);
  Font().Draw(image, x, baseline, text, kBlack);
  return image;
}

TEST(TextFontTest, RejectsSizesOutOfRange) {
  EXPECT_THAT(TextFont::Create(FontWeight::kBold, 0),
              FailsWith("found font size 0, expected 4 to 512"));
  EXPECT_THAT(TextFont::Create(FontWeight::kBold, 513), FailsWith("found font size 513"));
}

TEST(TextFontTest, CapitalsStandOnTheBaseline) {
  const Box box = Ink(Drawn("HHH"));
  EXPECT_EQ(box.bottom, 40);
  EXPECT_NEAR(box.bottom - box.top, 0.729 * 14, 1.0);  // DejaVu's capital height
  EXPECT_GT(Ink(Drawn("g")).bottom, 40);
}

TEST(TextFontTest, InkLiesWithinTheMeasuredWidth) {
  const std::string text = "Wave AV. To";
  const Box box = Ink(Drawn(text));
  EXPECT_GE(box.left, 20);
  EXPECT_LE(box.right, 20 + Font().Width(text) + 1);
  EXPECT_GE(box.right, 20 + Font().Width(text) - 4);
}

TEST(TextFontTest, WidthGrowsWithSizeAndWeight) {
  EXPECT_NEAR(Font(28).Width("anneal"), 2 * Font(14).Width("anneal"), 4);
  EXPECT_GT(TextFont::Create(FontWeight::kBold, 14)->Width("anneal"), Font().Width("anneal"));
  EXPECT_EQ(Font().Width(""), 0);
}

TEST(TextFontTest, EdgesAreAntialiased) {
  const RgbImage image = Drawn("S");
  EXPECT_TRUE(std::any_of(image.pixels.begin(), image.pixels.end(),
                          [](uint8_t p) { return p > 40 && p < 215; }));
}

TEST(TextFontTest, ClipsAtEveryEdge) {
  for (const auto& [x, baseline] :
       {std::pair(-30, 40), std::pair(190, 40), std::pair(20, 3), std::pair(20, 65)}) {
    EXPECT_LE(Ink(Drawn("Wide text", x, baseline)).right, 200);
  }
  EXPECT_EQ(Drawn("gone", 500, 500), Drawn(""));
}

TEST(TextFontTest, InvisibleMarksAreNothingAndControlsSpaces) {
  EXPECT_EQ(Drawn("a\u200B\uFE0Fb"), Drawn("ab"));
  EXPECT_EQ(Drawn("a\nb\tc"), Drawn("a b c"));
  EXPECT_EQ(Drawn("a\xff"), Drawn("a\uFFFD"));
}

TEST(TextFontTest, WhatNoFontHasIsItsCodePoint) {
  EXPECT_EQ(Drawn("漢"), Drawn("U+6F22"));
  EXPECT_EQ(Drawn("a漢b"), Drawn("a U+6F22 b"));
  EXPECT_EQ(Drawn("漢猫 a"), Drawn("U+6F22 U+732B a"));
  EXPECT_EQ(Drawn("\U0001F9A9"), Drawn("U+1F9A9"));
  EXPECT_EQ(Font().Width("漢"), Font().Width("U+6F22"));
  EXPECT_THAT(Font().Wrap("漢猫", 1000, 9), ElementsAre("U+6F22 U+732B"));
}

// The golden font's square, in a line of 20 pixels.
TEST(TextFontTest, WhatAFurtherFontHasIsDrawnFromIt) {
  const TextFont font =
      Font(20, {"/nowhere.ttf", "testdata/goldens/png_rgb.png", "testdata/goldens/one_cat.ttf"});
  RgbImage image = FilledImage(200, 60, 255, 255, 255);
  font.Draw(image, 30, 40, "猫", kBlack);
  const Box box = Ink(image);
  EXPECT_EQ(box.left, 30);
  EXPECT_EQ(box.right, 50);
  EXPECT_EQ(box.top, 24);
  EXPECT_EQ(box.bottom, 40);
  EXPECT_EQ(font.Width("猫猫"), 40);
  EXPECT_EQ(font.Width("a猫"), Font(20).Width("a") + 20);
  EXPECT_EQ(font.Width("漢"), Font(20).Width("U+6F22"));
}

TEST(TextFontTest, FurtherFontsAreAskedForWhenACharacterIsLacking) {
  int asked = 0;
  const auto font = TextFont::Create(FontWeight::kBold, 14, [&asked] {
    ++asked;
    return std::vector<std::string>();
  });
  EXPECT_GT(font->Width("größe 😀"), 0);
  EXPECT_EQ(asked, 0);
  font->Width("漢猫漢");
  EXPECT_EQ(asked, 1);
}

TEST(TextFontTest, WrapsAtSpaces) {
  const TextFont font = Font();
  const int width = font.Width("a small blue");
  EXPECT_THAT(font.Wrap("a small blue diamond above", width, 9),
              ElementsAre("a small blue", "diamond", "above"));
  EXPECT_THAT(font.Wrap("  a \n ", width, 9), ElementsAre("a"));
  EXPECT_THAT(font.Wrap("", width, 9), IsEmpty());
  EXPECT_THAT(font.Wrap("a", width, 0), IsEmpty());
}

TEST(TextFontTest, BreaksWordsWiderThanALine) {
  const TextFont font = Font();
  EXPECT_THAT(font.Wrap("aaaaaa", font.Width("aaa"), 9), ElementsAre("aaa", "aaa"));
  EXPECT_EQ(font.Wrap("WWW", 1, 9).size(), 3U);
}

TEST(TextFontTest, BreaksLongWordsAtPunctuation) {
  const TextFont font = Font();
  EXPECT_THAT(font.Wrap("interval(0.3,5,linear)", font.Width("interval(0.3,5,li"), 9),
              ElementsAre("interval(0.3,5,", "linear)"));
  EXPECT_THAT(font.Wrap("interval(0.3,5,linear)", font.Width("interval(0"), 9),
              ElementsAre("interval", "(0.3,5,", "linear)"));
  EXPECT_THAT(font.Wrap("step_0.6 of", font.Width("step_0.6"), 9), ElementsAre("step_0.6", "of"));
}

TEST(TextFontTest, BreaksBetweenCjkCharactersButNotBeforeWhatCloses) {
  const TextFont font = Font(20, {"testdata/goldens/one_cat.ttf"});
  EXPECT_THAT(font.Wrap("猫猫猫猫", 45, 9), ElementsAre("猫猫", "猫猫"));
  EXPECT_THAT(font.Wrap("a 猫猫猫", font.Width("a 猫猫"), 9), ElementsAre("a 猫猫", "猫"));
  EXPECT_EQ(font.Wrap("猫猫猫。", 20 * 3 + 5, 9).front(), "猫猫");
}

TEST(TextFontTest, EndsInAnEllipsisWhenSomethingIsLeftOut) {
  const TextFont font = Font();
  const int width = font.Width("one two");
  const std::vector<std::string> lines = font.Wrap("one two three four", width, 1);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::AllOf(::testing::StartsWith("one"), ::testing::EndsWith("…")));
  EXPECT_LE(font.Width(lines[0]), width);
  EXPECT_THAT(font.Wrap("one two", width, 1), ElementsAre("one two"));
}

// Random bytes and random characters: lines fit, and nothing is read or drawn outside.
TEST(TextFontTest, TakesAnyBytes) {
  const TextFont font = Font();
  RgbImage image = FilledImage(120, 40, 255, 255, 255);
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const int length = static_cast<int>(random() % 60);
    for (int i = 0; i < length; ++i)
      text.push_back(static_cast<char>(random() >> (round % 2 ? 24 : 25)));
    for (const std::string& line : font.Wrap(text, 100, 3)) {
      EXPECT_LE(font.Width(line), 100);
      font.Draw(image, 0, 20, line, kBlack);
    }
  }
}

TEST(TextFontTest, WrapStopsWhereTheLinesEnd) {
  EXPECT_EQ(Font().Wrap(std::string(50'000'000, 'a'), 200, 3).size(), 3U);
}

}  // namespace
}  // namespace draftp
