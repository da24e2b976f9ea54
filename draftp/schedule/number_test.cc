// Tests of reading and printing numbers.
#include "draftp/schedule/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>
#include <string_view>

namespace draftp::schedule_text {
namespace {

TEST(NumberTest, ReadsDecimalNumbers) {
  EXPECT_EQ(ParseNumber("2"), 2.0);
  EXPECT_EQ(ParseNumber("2.50"), 2.5);
  EXPECT_EQ(ParseNumber(".25"), 0.25);
  EXPECT_EQ(ParseNumber("-0.5"), -0.5);
  EXPECT_EQ(ParseNumber("1e-4"), 1e-4);
  EXPECT_EQ(ParseNumber("0.6"), 0.6);
}

TEST(NumberTest, RefusesEverythingElse) {
  for (const char* text : {"",       "-",    "--1", "+1",   " 1",       "1 ",   "x",     "1x",
                           "nan",    "-nan", "inf", "-inf", "infinity", "0x10", "0x1p3", "1e999",
                           "-1e999", "1e",   "1,5", "1..2", ".",        "e5"}) {
    EXPECT_EQ(ParseNumber(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseNumber(std::string_view("1\0", 2)), std::nullopt);
}

TEST(NumberTest, KnowsOneZero) { EXPECT_FALSE(std::signbit(*ParseNumber("-0"))); }

TEST(NumberTest, PrintsTheShortestTextThatReadsBack) {
  EXPECT_EQ(FormatNumber(2.50), "2.5");
  EXPECT_EQ(FormatNumber(0.1), "0.1");
  EXPECT_EQ(FormatNumber(4), "4");
  std::mt19937_64 random(20240607);
  std::uniform_real_distribution<double> exponent(-300, 300);
  for (int i = 0; i < 1000; ++i) {
    const double value = std::pow(10.0, exponent(random));
    EXPECT_EQ(ParseNumber(FormatNumber(value)), value);
  }
}

}  // namespace
}  // namespace draftp::schedule_text
