// Tests of scalar parsing and printing against the formats' definitions.
#include "draftp/config/config_value.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;

TEST(ConfigValueTest, IntegersAreDecimalAndWhole) {
  EXPECT_EQ(ParseInt64("25"), 25);
  EXPECT_EQ(ParseInt64("-3"), -3);
  EXPECT_EQ(ParseInt64("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* bad : {"", " 25", "25 ", "+25", "25.0", "2e3", "0x10", "٣", "25\n", "--3",
                          "9223372036854775808", "abc", "1_000"}) {
    EXPECT_EQ(ParseInt64(bad), std::nullopt) << bad;
  }
}

TEST(ConfigValueTest, SeedsUseAllSixtyFourBitsAndHaveNoSign) {
  EXPECT_EQ(ParseUint64("0"), 0U);
  EXPECT_EQ(ParseUint64("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  for (const char* bad : {"-1", "-0", "18446744073709551616", "1e3", "0xff", ""}) {
    EXPECT_EQ(ParseUint64(bad), std::nullopt) << bad;
  }
}

TEST(ConfigValueTest, NumbersAreFiniteDecimals) {
  EXPECT_EQ(ParseFiniteDouble("5"), 5.0);
  EXPECT_EQ(ParseFiniteDouble("-2.5"), -2.5);
  EXPECT_EQ(ParseFiniteDouble("1e-4"), 1e-4);
  EXPECT_EQ(ParseFiniteDouble(".5"), 0.5);
  for (const char* bad : {"nan", "NaN", "inf", "-inf", ".inf", ".nan", "infinity", "1e999", "0x1p3",
                          "", "1,5", "5 ", "five", "1e", "½"}) {
    EXPECT_EQ(ParseFiniteDouble(bad), std::nullopt) << bad;
  }
}

TEST(ConfigValueTest, PrintedDoublesReadBackToTheSameBits) {
  std::mt19937_64 random(7);
  int checked = 0;
  while (checked < 10000) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    const std::optional<double> back = ParseFiniteDouble(FormatDouble(value));
    ASSERT_TRUE(back.has_value()) << FormatDouble(value);
    ASSERT_EQ(std::bit_cast<uint64_t>(*back), std::bit_cast<uint64_t>(value));
    ++checked;
  }
  EXPECT_EQ(FormatDouble(0.0292), "0.0292");
}

TEST(ConfigValueTest, BooleansAreYamlsWords) {
  for (const char* yes : {"true", "True", "yes", "ON", "1"}) EXPECT_EQ(ParseBool(yes), true);
  for (const char* no : {"false", "FALSE", "no", "off", "0"}) EXPECT_EQ(ParseBool(no), false);
  for (const char* bad : {"", "tRue", "2", "y", " true"}) EXPECT_EQ(ParseBool(bad), std::nullopt);
}

TEST(ConfigValueTest, ListsSplitAtCommasOutsideBrackets) {
  EXPECT_THAT(SplitTopLevel("base, draft ,step_0.6"), ElementsAre("base", "draft", "step_0.6"));
  EXPECT_THAT(SplitTopLevel("a(1,2),[3,4]"), ElementsAre("a(1,2)", "[3,4]"));
  EXPECT_THAT(SplitTopLevel("a,,b,"), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(SplitTopLevel("a),b"), ElementsAre("a)", "b"));
  EXPECT_THAT(SplitTopLevel(""), ElementsAre(""));
}

TEST(ConfigValueTest, FindsControlCharacters) {
  EXPECT_FALSE(HasControlCharacter("a b é"));
  EXPECT_TRUE(HasControlCharacter("a\nb"));
  EXPECT_TRUE(HasControlCharacter("\x7F"));
  EXPECT_TRUE(HasControlCharacter(std::string("a\0b", 3)));
}

TEST(ConfigValueTest, FoundTextStaysOnOneShortLine) {
  EXPECT_EQ(DescribeForMessage(ConfigValue::Text("a\nb\xFF")), "\"a\\x0ab\\xff\"");
  EXPECT_EQ(DescribeForMessage(ConfigValue::Text(std::string(1000, 'x'))),
            "\"" + std::string(60, 'x') + "...\"");
}

TEST(ConfigValueTest, SaysWhatWasFound) {
  EXPECT_EQ(DescribeForMessage(ConfigValue::Text("x")), "\"x\"");
  EXPECT_EQ(DescribeForMessage(ConfigValue::Text("")), "an empty text");
  EXPECT_EQ(DescribeForMessage(ConfigValue::Null()), "nothing");
  EXPECT_EQ(DescribeForMessage(ConfigValue::List({"1"})), "a list");
  EXPECT_EQ(DescribeForMessage(ConfigValue::Map()), "a map");
  EXPECT_EQ(DescribeForMessage(ConfigValue::Nested()), "a list of more than plain values");
  EXPECT_EQ(DescribeForMessage(ConfigValue::Reference("${a}")), "the reference \"${a}\"");
}

}  // namespace
}  // namespace draftp
