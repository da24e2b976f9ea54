// Layout of contact sheets: where cells lie, what is scaled, what is left out.
#include "draftp/report/contact_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace draftp {
namespace {

struct Rgb {
  int red, green, blue;
  friend bool operator==(const Rgb&, const Rgb&) = default;
  friend auto operator<=>(const Rgb&, const Rgb&) = default;
};

Rgb At(const RgbImage& image, int x, int y) {
  const uint8_t* const pixel = &image.pixels[(static_cast<size_t>(y) * image.width + x) * 3];
  return {pixel[0], pixel[1], pixel[2]};
}

int CountPixels(const RgbImage& image, Rgb color) {
  int count = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) count += At(image, x, y) == color ? 1 : 0;
  }
  return count;
}

// The first pixel of a colour, from the top.
std::pair<int, int> Find(const RgbImage& image, Rgb color) {
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (At(image, x, y) == color) return {x, y};
    }
  }
  return {-1, -1};
}

constexpr Rgb kRed{250, 1, 2};
constexpr Rgb kBlue{3, 4, 251};
constexpr Rgb kMissing{0xEC, 0xEC, 0xEC};

RgbImage Red(int width, int height) { return FilledImage(width, height, 250, 1, 2); }
RgbImage Blue(int width, int height) { return FilledImage(width, height, 3, 4, 251); }

TEST(ContactSheetTest, RowsRunDownAndColumnsAcross) {
  ContactSheet sheet({.title = "", .footer = "", .rows = {"r0", "r1"}, .columns = {"c0", "c1"}}, 64,
                     48);
  sheet.SetCell(0, 1, Red(64, 48));
  sheet.SetCell(1, 0, Blue(64, 48));
  const RgbImage image = *sheet.Draw();
  const auto [red_x, red_y] = Find(image, kRed);
  const auto [blue_x, blue_y] = Find(image, kBlue);
  EXPECT_GT(red_x, blue_x + 64);
  EXPECT_GT(blue_y, red_y + 48);
  EXPECT_EQ(At(image, red_x + 63, red_y + 47), kRed);
  EXPECT_EQ(CountPixels(image, kRed), 64 * 48);
}

TEST(ContactSheetTest, MissingCellsAreGrey) {
  ContactSheet sheet({.title = "", .footer = "", .rows = {"r"}, .columns = {"a", "b", "c"}}, 40,
                     40);
  sheet.SetCell(0, 0, Red(40, 40));
  sheet.SetCell(0, 1, RgbImage());
  EXPECT_EQ(CountPixels(*sheet.Draw(), kMissing), 2 * 40 * 40);
}

TEST(ContactSheetTest, PicturesOfOtherSizesKeepTheirProportions) {
  ContactSheet sheet({.title = "", .footer = "", .rows = {"r"}, .columns = {"a", "b"}}, 100, 100);
  sheet.SetCell(0, 0, Red(400, 200));
  sheet.SetCell(0, 1, Blue(30, 60));
  const RgbImage image = *sheet.Draw();
  EXPECT_EQ(CountPixels(image, kRed), 100 * 50);
  EXPECT_EQ(CountPixels(image, kBlue), 30 * 60);
}

TEST(ContactSheetTest, LabelsTakeInkAndRoom) {
  const auto draw = [](ContactSheetLabels labels) {
    return *ContactSheet(std::move(labels), 64, 64).Draw();
  };
  const RgbImage plain = draw({.title = "", .footer = "", .rows = {""}, .columns = {""}});
  const RgbImage labelled = draw({.title = "Title",
                                  .footer = "steps, sampler and seed of the run",
                                  .rows = {"a row"},
                                  .columns = {"col"}});
  EXPECT_GT(labelled.width, plain.width);
  EXPECT_GT(labelled.height, plain.height);
  EXPECT_EQ(CountPixels(plain, {0x22, 0x22, 0x22}), 0);
  EXPECT_GT(CountPixels(labelled, {0x22, 0x22, 0x22}), 20);
  EXPECT_GT(CountPixels(labelled, {0x77, 0x77, 0x77}), 0);
}

TEST(ContactSheetTest, LongLabelsStayWithinTheirCell) {
  std::string prompt;
  for (int i = 0; i < 2000; ++i) prompt += "word ";
  const RgbImage brief =
      *ContactSheet({.title = "", .footer = "", .rows = {"w"}, .columns = {"c"}}, 128, 128).Draw();
  const RgbImage image =
      *ContactSheet({.title = "", .footer = "", .rows = {prompt}, .columns = {"c"}}, 128, 128)
           .Draw();
  EXPECT_EQ(image.height, brief.height);
  EXPECT_LT(image.width, 600);
}

TEST(ContactSheetTest, DrawsSheetsWithoutRowsOrColumns) {
  EXPECT_TRUE(ContactSheet({}, 64, 64).Draw().ok());
  EXPECT_TRUE(
      ContactSheet({.title = "t", .footer = "", .rows = {"r"}, .columns = {}}, 64, 64).Draw().ok());
  EXPECT_TRUE(
      ContactSheet({.title = "t", .footer = "", .rows = {}, .columns = {"c"}}, 0, 0).Draw().ok());
}

TEST(ContactSheetTest, LargePicturesAreScaledDown) {
  ContactSheet sheet({.title = "", .footer = "", .rows = {"r"}, .columns = {"c"}}, 1024, 2048);
  sheet.SetCell(0, 0, Red(1024, 2048));
  EXPECT_EQ(CountPixels(*sheet.Draw(), kRed), 256 * 512);
}

TEST(ContactSheetTest, ShowsTheFirstRowsOfMoreThanFit) {
  ContactSheetLabels labels;
  labels.columns = {"c"};
  for (int row = 0; row < 10'000; ++row) labels.rows.push_back(std::to_string(row));
  ContactSheet sheet(labels, 512, 512);
  EXPECT_EQ(sheet.rows_shown(), 15'000 / 512);
  sheet.SetCell(9'999, 0, Red(512, 512));
  sheet.SetCell(-1, 0, Red(512, 512));
  const RgbImage image = *sheet.Draw();
  EXPECT_LT(image.height, 16'384);
  EXPECT_EQ(CountPixels(image, kRed), 0);
  EXPECT_GT(CountPixels(image, {0x77, 0x77, 0x77}), 0);  // "first 29 of 10000 rows"
}

TEST(ContactSheetTest, ManyColumnsShrinkTheCells) {
  ContactSheet sheet(
      {.title = "", .footer = "", .rows = {"r"}, .columns = std::vector<std::string>(100, "c")},
      512, 512);
  EXPECT_EQ(sheet.columns_shown(), 100);
  EXPECT_LT(sheet.Draw()->width, 17'000);
}

ContactSheetLabels Labels(int prompts, int images, int columns) {
  ContactSheetLabels labels;
  for (int prompt = 0; prompt < prompts; ++prompt) {
    for (int image = 0; image < images; ++image) {
      labels.rows.push_back("prompt " + std::to_string(prompt));
      labels.row_notes.push_back("seed " + std::to_string(labels.rows.size()));
    }
  }
  for (int column = 0; column < columns; ++column) labels.columns.push_back("c");
  return labels;
}

TEST(ContactSheetTest, ManyPicturesOfOnePromptAreAGrid) {
  ContactSheet sheet(Labels(1, 600, 1), 64, 64);
  EXPECT_EQ(sheet.rows_shown(), 600);
  EXPECT_GT(sheet.across(), 15);
  for (int i = 0; i < 600; ++i)
    sheet.SetCell(i, 0, i == 0 || i == 1 || i == 599 ? Red(64, 64) : Blue(64, 64));
  const RgbImage image = *sheet.Draw();
  EXPECT_LT(image.height, 3000);
  EXPECT_LT(image.width, 3000);
  EXPECT_EQ(CountPixels(image, kRed), 3 * 64 * 64);
  EXPECT_EQ(CountPixels(image, kBlue), 597 * 64 * 64);
  const auto [x, y] = Find(image, kRed);
  const auto [blue_x, blue_y] = Find(image, kBlue);
  EXPECT_EQ(y, blue_y);  // across, then down
  EXPECT_GT(blue_x, x + 2 * 64);
}

TEST(ContactSheetTest, AGridHasASectionForEachPromptAndMissingCells) {
  ContactSheet sheet(Labels(3, 20, 2), 64, 64);
  EXPECT_GT(sheet.across(), 1);
  for (int i = 0; i < 60; ++i) sheet.SetCell(i, 0, Red(64, 64));
  const RgbImage image = *sheet.Draw();
  EXPECT_EQ(CountPixels(image, kRed), 60 * 64 * 64);
  EXPECT_NEAR(CountPixels(image, kMissing), 60 * 64 * 64,
              500);  // edges of letters have the colour too
}

TEST(ContactSheetTest, AGridOfLargePicturesIsBounded) {
  ContactSheet sheet(Labels(1, 600, 1), 1024, 1024);
  EXPECT_EQ(sheet.rows_shown(), 600);
  const RgbImage image = *sheet.Draw();
  EXPECT_LT(static_cast<double>(image.width) * image.height, 40e6);
  ContactSheet many(Labels(1, 100'000, 1), 1024, 1024);
  EXPECT_GT(many.rows_shown(), 10'000);
  EXPECT_LT(many.rows_shown(), 100'000);
}

TEST(ContactSheetTest, FewRowsAndOtherPromptsAreNoGrid) {
  EXPECT_EQ(ContactSheet(Labels(1, 4, 3), 64, 64).across(), 1);
  EXPECT_EQ(ContactSheet(Labels(100, 1, 1), 64, 64).across(), 1);
  EXPECT_EQ(ContactSheet(Labels(8, 2, 6), 64, 64).across(), 1);
}

TEST(ContactSheetTest, RowsOfOnePromptShowTheirNotes) {
  ContactSheetLabels labels = Labels(2, 2, 1), other = labels;
  const RgbImage image = *ContactSheet(labels, 64, 64).Draw();
  EXPECT_GT(CountPixels(image, {0x77, 0x77, 0x77}), 0);
  other.row_notes[3] = "seed 7";
  EXPECT_NE(*ContactSheet(other, 64, 64).Draw(), image);
  other.row_notes.clear();
  EXPECT_EQ(CountPixels(*ContactSheet(other, 64, 64).Draw(), {0x77, 0x77, 0x77}), 0);
}

}  // namespace
}  // namespace draftp
