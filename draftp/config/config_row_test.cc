// Tests of each row kind: what it takes, what it refuses, and that it reads back what it prints.
#include "draftp/config/config_row.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "draftp/config/config_value.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

using Strings = std::vector<std::string>;

template <class T>
void ExpectRefused(const ConfigRow<T>& row, const Strings& texts) {
  for (const std::string& text : texts) {
    EXPECT_EQ(row.parse(ConfigValue::Text(text)), std::nullopt) << text;
  }
  for (const ConfigValue& value : {ConfigValue::Map(), ConfigValue::Nested(),
                                   ConfigValue::Reference("${x}"), ConfigValue::List({})}) {
    EXPECT_EQ(row.parse(value), std::nullopt) << DescribeForMessage(value);
  }
}

TEST(ConfigRowTest, IntegersStayInTheirRange) {
  const ConfigRow<int64_t> row = IntegerRow(1, 1000);
  EXPECT_EQ(row.expected, "an integer from 1 to 1000");
  EXPECT_EQ(row.parse(ConfigValue::Text("1")), 1);
  EXPECT_EQ(row.parse(ConfigValue::Number("1000")), 1000);
  ExpectRefused(row, {"0", "1001", "-3", "", "abc", "25.0", "nan", "0x10", "99999999999999999999"});
}

TEST(ConfigRowTest, SeedsReachTwoToTheSixtyFourMinusOne) {
  const ConfigRow<uint64_t> row = SeedRow();
  EXPECT_EQ(row.parse(ConfigValue::Text("18446744073709551615")), UINT64_MAX);
  EXPECT_EQ(row.print(UINT64_MAX), ConfigValue::Number("18446744073709551615"));
  ExpectRefused(row, {"-1", "18446744073709551616", "1.5", ""});
}

TEST(ConfigRowTest, NumbersStayFiniteAndInTheirRange) {
  const ConfigRow<double> row = NumberRow(-1000, 0.5);
  EXPECT_EQ(row.expected, "a number from -1000 to 0.5");
  EXPECT_EQ(row.parse(ConfigValue::Text("0.5")), 0.5);
  EXPECT_EQ(row.parse(row.print(0.1)), 0.1);
  ExpectRefused(row, {"0.51", "-1001", "nan", "inf", "-inf", "1e400", "0x1", "", "½"});
}

TEST(ConfigRowTest, SwitchesReadYamlsWords) {
  const ConfigRow<bool> row = SwitchRow();
  EXPECT_EQ(row.parse(ConfigValue::Bool(true)), true);
  EXPECT_EQ(row.parse(ConfigValue::Text("False")), false);
  ExpectRefused(row, {"", "2", "maybe"});
}

TEST(ConfigRowTest, ModesAreSwitchesWithNames) {
  const ConfigRow<std::string> row = ModeRow({"plan", "probe"});
  EXPECT_EQ(row.expected, "false, plan, probe or true, which is plan");
  EXPECT_EQ(row.parse(ConfigValue::Bool(true)), "plan");
  EXPECT_EQ(row.parse(ConfigValue::Text("False")), "off");
  EXPECT_EQ(row.parse(ConfigValue::Text("probe")), "probe");
  EXPECT_EQ(row.print("off"), ConfigValue::Bool(false));
  EXPECT_EQ(row.parse(row.print("probe")), "probe");
  ExpectRefused(row, {"", "2", "Probe", "plan,probe"});
}

TEST(ConfigRowTest, ChoicesTakeTheOriginalsNamesAndClassPaths) {
  const ConfigRow<std::string> row = ChoiceRow({{"euler", {"EulerEDMSampler"}}, {"lms", {"32"}}});
  const ConfigRow<std::string> switched = ChoiceRow({{"part", {"true"}}, {"whole", {"false"}}});
  EXPECT_EQ(switched.parse(ConfigValue::Bool(true)), "part");
  EXPECT_EQ(switched.parse(ConfigValue::Text("False")), "whole");
  EXPECT_EQ(switched.parse(ConfigValue::Text("perhaps")), std::nullopt);
  EXPECT_EQ(row.expected, "euler, lms");
  EXPECT_EQ(row.parse(ConfigValue::Text("euler")), "euler");
  EXPECT_EQ(row.parse(ConfigValue::Text("EulerEDMSampler")), "euler");
  EXPECT_EQ(row.parse(ConfigValue::Text("nemo.sampling.EulerEDMSampler")), "euler");
  ExpectRefused(row, {"", "Euler", "xEulerEDMSampler", "nemo.euler", "euler ", "EulerEDMSampler.x",
                      "0.32", ".EulerEDMSampler"});
}

TEST(ConfigRowTest, FormsAreChoicesOrTextsThatAreAccepted) {
  const ConfigRow<std::string> row = FormRow(
      {{"edm", {"EDMDiscretization"}}},
      [](const std::string& text) { return text.starts_with("edm("); }, "edm[(a,b)]");
  EXPECT_EQ(row.expected, "edm[(a,b)]");
  EXPECT_EQ(row.parse(ConfigValue::Text("edm")), "edm");
  EXPECT_EQ(row.parse(ConfigValue::Text("nemo.EDMDiscretization")), "edm");
  EXPECT_EQ(row.parse(ConfigValue::Text("edm(1,2)")), "edm(1,2)");
  EXPECT_EQ(row.parse(ConfigValue::Text("ddim")), std::nullopt);
  EXPECT_EQ(row.parse(ConfigValue::Text("edm(\n")), std::nullopt);
}

TEST(ConfigRowTest, NamedValuesHaveTheirNames) {
  const ConfigRow<int> row = NamedRow<int>({{"one", 1}, {"two", 2}});
  EXPECT_EQ(row.expected, "one, two");
  EXPECT_EQ(row.parse(ConfigValue::Text("two")), 2);
  EXPECT_EQ(row.parse(ConfigValue::Text("three")), std::nullopt);
  EXPECT_EQ(row.parse(ConfigValue::List({"two"})), std::nullopt);
  EXPECT_EQ(row.print(1), ConfigValue::Text("one"));
}

TEST(ConfigRowTest, PairsAreTwoNumbersInTheirRange) {
  using Pair = std::pair<double, double>;
  const ConfigRow<Pair> row = PairRow(0, 2);
  EXPECT_EQ(row.expected, "two numbers from 0 to 2, separated by a comma");
  EXPECT_EQ(row.parse(ConfigValue::Text("0.5,1e-1")), Pair(0.5, 0.1));
  EXPECT_EQ(row.parse(ConfigValue::List({"0", "2"})), Pair(0, 2));
  EXPECT_EQ(row.print(Pair(0.5, 0.1)), ConfigValue::List({"0.5", "0.1"}));
  for (const char* bad : {"", "1", "1,2,0", "1,3", "-1,1", "a,1", "1;2", "nan,1", ","})
    EXPECT_EQ(row.parse(ConfigValue::Text(bad)), std::nullopt) << bad;
  EXPECT_EQ(row.parse(ConfigValue::List({"1"})), std::nullopt);
  EXPECT_EQ(row.parse(ConfigValue::Map()), std::nullopt);
}

TEST(ConfigRowTest, WordsHaveNoControlCharacters) {
  const ConfigRow<std::string> row =
      WordRow([](const std::string& s) { return s != "bad"; }, "a good word");
  EXPECT_EQ(row.parse(ConfigValue::Text("good")), "good");
  ExpectRefused(row, {"bad", "a\nb", "\x1b[0m", "\xFF", std::string("a\0b", 3)});
}

TEST(ConfigRowTest, TextsAreUtf8AndNotEmpty) {
  const ConfigRow<std::string> row = TextRow(false);
  EXPECT_EQ(row.parse(ConfigValue::Text("a\n\té 🎨")), "a\n\té 🎨");
  EXPECT_EQ(row.print(""), ConfigValue::Null());
  ExpectRefused(row, {"", "\xFF", std::string("a\0b", 3)});
}

TEST(ConfigRowTest, TextsMayBeEmptyWhereThatIsAValue) {
  const ConfigRow<std::string> row = TextRow(true);
  EXPECT_EQ(row.parse(ConfigValue::Text("")), "");
  EXPECT_EQ(row.print(""), ConfigValue::Text(""));
}

TEST(ConfigRowTest, PathsAreWordsThatAreNotEmpty) {
  EXPECT_EQ(PathRow().parse(ConfigValue::Text("a b/é")), "a b/é");
  ExpectRefused(PathRow(), {"", "a\nb", "\xFF"});
}

TEST(ConfigRowTest, ListsComeAsTextOrAsItems) {
  const ConfigRow<Strings> row = ListRow();
  EXPECT_EQ(row.parse(ConfigValue::Text("base, clamp(linear,0,1)")),
            (Strings{"base", "clamp(linear,0,1)"}));
  EXPECT_EQ(row.parse(ConfigValue::List({"base", "draft"})), (Strings{"base", "draft"}));
  EXPECT_EQ(row.parse(row.print({"a", "b"})), (Strings{"a", "b"}));
  ExpectRefused(row, {"", "a,,b", "a,", "a\nb", "\xFF"});
}

TEST(ConfigRowTest, TextListsTakeOneTextWithItsCommas) {
  const ConfigRow<Strings> row = TextListRow(TextRow(false));
  EXPECT_EQ(row.parse(ConfigValue::Text("a, b\n")), (Strings{"a, b\n"}));
  EXPECT_EQ(row.parse(ConfigValue::List({"a, b", "c"})), (Strings{"a, b", "c"}));
  EXPECT_EQ(row.parse(row.print({"a,", "b"})), (Strings{"a,", "b"}));
  EXPECT_EQ(row.parse(ConfigValue::List({"a", ""})), std::nullopt);
  ExpectRefused(row, {"", "\xFF", std::string("a\0b", 3)});
}

TEST(ConfigRowTest, PlainTextIsWhatAUserTypes) {
  EXPECT_EQ(PlainText(ConfigValue::List({"a", "b"})), "a,b");
  EXPECT_EQ(PlainText(ConfigValue::Number("25")), "25");
  EXPECT_EQ(PlainText(ConfigValue::Null()), "");
}

}  // namespace
}  // namespace draftp
