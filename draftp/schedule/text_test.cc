// Tests of values or errors, of numbers, and of the text syntax that all schedules share.
#include "draftp/schedule/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace draftp::schedule_text {
namespace {

TEST(ParsedTest, HoldsAValue) {
  const Parsed<std::string> parsed(std::string("cat"));
  EXPECT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, "cat");
  EXPECT_EQ(parsed->size(), 3u);
  EXPECT_EQ(parsed.error(), "");
}

TEST(ParsedTest, HoldsAnError) {
  const Parsed<std::string> parsed(ParseError{"no cat"});
  EXPECT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error(), "no cat");
}

TEST(ParsedTest, ThrowsItsMessageWhenAskedForAMissingValue) {
  const Parsed<int> parsed(ParseError{"no number"});
  try {
    static_cast<void>(parsed.value());
    FAIL() << "expected an exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "no number");
  }
}

TEST(ParsedTest, GivesUpAMoveOnlyValue) {
  Parsed<std::unique_ptr<int>> parsed(std::make_unique<int>(7));
  const std::unique_ptr<int> number = *std::move(parsed);
  EXPECT_EQ(*number, 7);
}

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

TEST(TermTest, ReadsAWord) {
  const std::string text = " power_2.5 ";
  const Parsed<Term> term = ParseTerm(text);
  ASSERT_TRUE(term.ok()) << term.error();
  EXPECT_EQ(term->word, "power_2.5");
  EXPECT_FALSE(term->called);
}

TEST(TermTest, ReadsArgumentsKnotsAndCoordinates) {
  const std::string text = "f( a , g(1)@sigma, 0.5 : 1 )@time";
  const Parsed<Term> term = ParseTerm(text);
  ASSERT_TRUE(term.ok()) << term.error();
  EXPECT_EQ(term->coordinate, "time");
  ASSERT_EQ(term->arguments.size(), 3u);
  EXPECT_EQ(term->arguments[0].word, "a");
  EXPECT_EQ(term->arguments[1].coordinate, "sigma");
  EXPECT_EQ(term->arguments[1].arguments[0].word, "1");
  EXPECT_EQ(term->arguments[2].word, "0.5");
  EXPECT_EQ(term->arguments[2].knot_weight, "1");
}

TEST(TermTest, TellsNoParenthesesFromEmptyOnes) {
  EXPECT_FALSE(ParseTerm("f")->called);
  EXPECT_TRUE(ParseTerm("f()")->called);
  EXPECT_TRUE(ParseTerm("f()")->arguments.empty());
}

TEST(TermTest, SaysWhatItFoundAndExpected) {
  EXPECT_EQ(ParseTerm("").error(), "found the end, expected a name or a number");
  EXPECT_EQ(ParseTerm("f(a").error(), "found the end, expected ',' or ')'");
  EXPECT_EQ(ParseTerm("f(a,)").error(), "found \")\" at column 5, expected a name or a number");
  EXPECT_EQ(ParseTerm("f(a))").error(), "found \")\" at column 5, expected the end");
  EXPECT_EQ(ParseTerm("f@").error(), "found the end, expected a coordinate after '@'");
  EXPECT_EQ(ParseTerm("f(1:)").error(), "found \")\" at column 5, expected a weight after ':'");
  EXPECT_EQ(ParseTerm("a b").error(), "found \"b\" at column 3, expected the end");
  EXPECT_EQ(ParseTerm("a\n").error(), "found \"\\x0a\" at column 2, expected the end");
}

TEST(TermTest, BoundsDepthAndLength) {
  const auto nested = [](int depth) {
    std::string text = "a";
    for (int i = 0; i < depth; ++i) text = "f(" + text + ")";
    return text;
  };
  EXPECT_TRUE(ParseTerm(nested(kMaxDepth)).ok());
  EXPECT_EQ(ParseTerm(nested(kMaxDepth + 1)).error(), "is nested deeper than 16 levels");
  EXPECT_FALSE(ParseTerm(std::string(kMaxTextLength, '(')).ok());
  EXPECT_EQ(ParseTerm(std::string(5000, 'a')).error(),
            "is 5000 characters long, at most 4096 are read");
}

TEST(TermTest, QuotesOnOneLine) {
  EXPECT_EQ(Quote("a\n\xff"), "\"a\\x0a\\xff\"");
  EXPECT_EQ(Quote(std::string(100, 'a')), "\"" + std::string(80, 'a') + "...\"");
}

TEST(TermTest, SplitsListsAtOuterCommas) {
  using Items = std::vector<std::string_view>;
  EXPECT_EQ(SplitList("base, f(a,b) ,c"), (Items{"base", "f(a,b)", "c"}));
  EXPECT_EQ(SplitList("a,,b,"), (Items{"a", "", "b", ""}));
  EXPECT_EQ(SplitList("a),b"), (Items{"a)", "b"}));
  EXPECT_EQ(SplitList(" "), (Items{""}));
}

}  // namespace
}  // namespace draftp::schedule_text
