// Tests of the table that turns terms into members.
#include "draftp/schedule/form.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace draftp::schedule_text {
namespace {

constexpr Form<std::string> kForms[] = {
    {"", "a number", "1",
     [](const Term& term) { return Parsed<std::string>("number " + std::string(term.word)); }},
    {"plain", "plain", "plain", [](const Term&) { return Parsed<std::string>("plain"); }},
    {"pow_", "pow_p[@x]", "pow_2",
     [](const Term& term) {
       const Parsed<double> p = ReadSuffix(term, "pow_");
       return p.ok() ? Parsed<std::string>("pow") : Parsed<std::string>(ParseError{p.error()});
     }},
    {"call", "call(a,b)", "call(1,2)",
     [](const Term& term) {
       const Parsed<std::vector<double>> numbers = ReadNumbers(term, 1, 2);
       return numbers.ok() ? Parsed<std::string>("call")
                           : Parsed<std::string>(ParseError{numbers.error()});
     }},
    {"maybe", "maybe[(a)]", "maybe(1)", [](const Term&) { return Parsed<std::string>("maybe"); }},
};

Parsed<std::string> Parse(const std::string& text) {
  return ParseForm<std::string>("thing", text, kForms);
}

// The part of the error that says what is wrong.
std::string Reason(const std::string& text) {
  const std::string error = Parse(text).error();
  const std::string head = "thing " + Quote(text) + ": ";
  const std::string tail = "; valid forms: a number, plain, pow_p[@x], call(a,b), maybe[(a)]";
  EXPECT_TRUE(error.starts_with(head) && error.ends_with(tail)) << error;
  return error.substr(head.size(), error.size() - head.size() - tail.size());
}

TEST(FormTest, FindsTheFormByItsKey) {
  EXPECT_EQ(*Parse("1.5"), "number 1.5");
  EXPECT_EQ(*Parse("plain"), "plain");
  EXPECT_EQ(*Parse("pow_3@x"), "pow");
  EXPECT_EQ(*Parse("call(1)"), "call");
  EXPECT_EQ(*Parse("maybe"), "maybe");
  EXPECT_EQ(*Parse("maybe(1)"), "maybe");
}

TEST(FormTest, LetsThroughOnlyWhatThePatternShows) {
  EXPECT_EQ(Reason("plain()"), "plain takes no (...)");
  EXPECT_EQ(Reason("plain@x"), "plain takes no @coordinate");
  EXPECT_EQ(Reason("call"), "call needs (...), as in call(1,2)");
  EXPECT_EQ(Reason("plainer"), "unknown name \"plainer\"");
}

TEST(FormTest, SaysWhatIsWrongWithANumber) {
  EXPECT_EQ(Reason("pow_"), "\"pow_\" lacks the number after '_'");
  EXPECT_EQ(Reason("pow_2_3"), "\"2_3\" in \"pow_2_3\" is not a finite decimal number");
  EXPECT_EQ(Reason("call(nan)"), "\"nan\" is not a finite decimal number");
  EXPECT_EQ(Reason("call(1:2)"), "\"1\" is not a finite decimal number");
  EXPECT_EQ(Reason("call(1,2,3)"), "call has 3 arguments, expected between 1 and 2");
}

TEST(FormTest, CountsWithWholeNumbers) {
  EXPECT_EQ(*ToCount(12, "steps"), 12);
  for (const double number : {-1.0, 0.5, 1e10}) EXPECT_FALSE(ToCount(number, "steps").ok());
}

}  // namespace
}  // namespace draftp::schedule_text
