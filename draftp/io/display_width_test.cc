// Tests of columns against what terminals show.
#include "draftp/io/display_width.h"

#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

TEST(DisplayWidthTest, CountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth(""), 0);
  EXPECT_EQ(DisplayWidth("step 1/2"), 8);
  EXPECT_EQ(DisplayWidth("Würfel"), 6);
  EXPECT_EQ(DisplayWidth("u\u0308"), 1);
  EXPECT_EQ(DisplayWidth("日本"), 4);
  EXPECT_EQ(DisplayWidth("한글"), 4);
  EXPECT_EQ(DisplayWidth("🎨"), 2);
  EXPECT_EQ(DisplayWidth("…≤é"), 3);
  EXPECT_EQ(DisplayWidth("\xFF\xC3"), 2);
}

TEST(DisplayWidthTest, CutsWithinTheColumns) {
  EXPECT_EQ(FitColumns("sampling", 8), "sampling");
  EXPECT_EQ(FitColumns("sampling", 6), "sam...");
  EXPECT_EQ(FitColumns("日本日本", 6), "日...");
  EXPECT_EQ(FitColumns("日本日本", 7), "日本...");
  EXPECT_EQ(FitColumns("sampling", 2), "..");
  EXPECT_EQ(FitColumns("sampling", 0), "");
  const std::string text = "a日é🎨b\u0308c";
  for (int columns = 0; columns < 10; ++columns)
    EXPECT_LE(DisplayWidth(FitColumns(text, columns)), columns);
}

}  // namespace
}  // namespace draftp
