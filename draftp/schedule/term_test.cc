// Tests of the text syntax that all schedules share.
#include "draftp/schedule/term.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace draftp::schedule_text {
namespace {

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
