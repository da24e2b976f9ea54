// Tests of reading weighing functions from text.
#include "draftp/schedule/parse_weighing.h"

#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

using schedule_text::kWeighingForms;

struct ParsedExamples {
  static std::vector<AnyWeighing> All() {
    std::vector<AnyWeighing> all;
    for (const auto& form : kWeighingForms) all.push_back(ParseWeighing(form.example).value());
    return all;
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Parsed, WeighingConformance, ParsedExamples);

void ExpectSameFunction(const AnyWeighing& a, const AnyWeighing& b) {
  EXPECT_EQ(a.name(), b.name());
  for (const StepContext& step : ConformanceSteps()) ASSERT_EQ(a(step), b(step)) << a.name();
}

TEST(ParseWeighingTest, ReadsTheNamesOfTheOriginal) {
  ExpectSameFunction(*ParseWeighing("base"), BaseWeighing());
  ExpectSameFunction(*ParseWeighing("draft"), DraftWeighing());
  ExpectSameFunction(*ParseWeighing("linear"), LinearWeighing<>());
  ExpectSameFunction(*ParseWeighing("power_2"), PowerWeighing<>(2));
  ExpectSameFunction(*ParseWeighing("power_2.5"), PowerWeighing<>(2.5));
  ExpectSameFunction(*ParseWeighing("power_0"), PowerWeighing<>(0));
  ExpectSameFunction(*ParseWeighing("step_0.6"), StepWeighing<>(0.6));
  ExpectSameFunction(*ParseWeighing("step_1"), StepWeighing<>(1));
}

TEST(ParseWeighingTest, ReadsNumbers) {
  ExpectSameFunction(*ParseWeighing("0.70"), ConstantWeighing(0.7));
  ExpectSameFunction(*ParseWeighing("-1"), ConstantWeighing(-1));
  ExpectSameFunction(*ParseWeighing("product(1.6,linear)"),
                     ProductWeighing(ConstantWeighing(1.6), LinearWeighing<>()));
  EXPECT_EQ((*ParseWeighing("product(1000,1000,1000,-2)"))({}), -1e6);  // finite
  EXPECT_NE(ParseWeighing("1001").error().find(
                "the weight is 1001, expected a number from -1000 to 1000"),
            std::string::npos);
}

TEST(ParseWeighingTest, ReadsCoordinates) {
  ExpectSameFunction(*ParseWeighing("linear@time"), LinearWeighing<coordinate::Time>());
  ExpectSameFunction(*ParseWeighing("power_2@time"), PowerWeighing<coordinate::Time>(2));
  ExpectSameFunction(*ParseWeighing("step_0.6@step"), StepWeighing<>(0.6));
  ExpectSameFunction(*ParseWeighing("step_2@sigma"), StepWeighing<coordinate::Sigma>(2));
  ExpectSameFunction(*ParseWeighing("step_-1@logsnr"), StepWeighing<coordinate::LogSnr>(-1));
  ExpectSameFunction(*ParseWeighing("piecewise(0.1:1, 5:0)@sigma"),
                     PiecewiseWeighing<coordinate::Sigma>({{0.1, 1}, {5, 0}}));
  ExpectSameFunction(*ParseWeighing("table(1,0)@time"),
                     TabulatedWeighing<coordinate::Time>({1, 0}));
}

TEST(ParseWeighingTest, ReadsCompositions) {
  const LinearWeighing<> linear;
  ExpectSameFunction(
      *ParseWeighing("product(linear,step_0.6,draft)"),
      ProductWeighing(ProductWeighing(linear, StepWeighing<>(0.6)), DraftWeighing()));
  ExpectSameFunction(*ParseWeighing("clamp(linear,0.2,0.8)"),
                     ClampedWeighing<LinearWeighing<>>(linear, 0.2, 0.8));
  ExpectSameFunction(*ParseWeighing("reversed(linear)"), ReversedWeighing(linear));
  ExpectSameFunction(*ParseWeighing("interval(0.3,5,linear)@sigma"),
                     IntervalWeighing<coordinate::Sigma, LinearWeighing<>>(0.3, 5, linear));
}

TEST(ParseWeighingTest, EveryFormsNameReadsBackAsTheSameFunction) {
  for (const auto& form : kWeighingForms) {
    const AnyWeighing weighing = ParseWeighing(form.example).value();
    ExpectSameFunction(ParseWeighing(weighing.name()).value(), weighing);
  }
}

TEST(ParseWeighingTest, PrintsCanonically) {
  for (const auto& [text, name] : std::vector<std::pair<std::string, std::string>>{
           {"power_2.0", "power_2"},
           {"power_-0", "power_0"},
           {" step_0.60@step ", "step_0.6"},
           {"step_6e-1", "step_0.6"},
           {"product( linear , draft )", "product(linear,draft)"},
           {"product(product(linear,draft),base)", "product(linear,draft,base)"},
           {"piecewise(0:0, .50:1.0)@step", "piecewise(0:0,0.5:1)"}}) {
    EXPECT_EQ(ParseWeighing(text).value().name(), name);
  }
}

TEST(ParseWeighingTest, RefusesMalformedTextInOneLineThatListsTheValidForms) {
  for (const char* text : {"",
                           " ",
                           "power_",
                           "power_x",
                           "power_nan",
                           "power_inf",
                           "power_-1",
                           "power_1e999",
                           "power_0x1p3",
                           "power_ 2",
                           "power_2_3",
                           "power",
                           "step_",
                           "step_x",
                           "step_-1",
                           "step_2",
                           "step_nan",
                           "step",
                           "cubic",
                           "nan",
                           "Base",
                           "base()",
                           "draft@time",
                           "linear@sigma",
                           "linear@cubic",
                           "linear@",
                           "power_2@logsnr",
                           "step_-1@sigma",
                           "piecewise",
                           "piecewise()",
                           "piecewise(0)",
                           "piecewise(0:2)",
                           "piecewise(0:0:0)",
                           "piecewise(0.5:0,0.5:1)",
                           "piecewise(0@time:1)",
                           "piecewise(a:b)",
                           "table()",
                           "table(2)",
                           "table(a)",
                           "table(0,1)@sigma",
                           "table(0:1)",
                           "product(linear)",
                           "product(linear,cubic)",
                           "product(linear,draft)@time",
                           "product(linear:1,draft)",
                           "clamp(linear,0.8,0.2)",
                           "clamp(linear)",
                           "clamp(0.2,0.8,linear)",
                           "reversed()",
                           "reversed(base,draft)",
                           "interval(0.5,0.2,base)",
                           "interval(0,1)",
                           "interval(0,2,base)",
                           "interval(0,1,base)@x",
                           "base,draft",
                           "base;rm",
                           "base/../x",
                           "(base)",
                           "base)",
                           "reversed(base",
                           "\xff\x00"}) {
    const Parsed<AnyWeighing> parsed = ParseWeighing(text);
    ASSERT_FALSE(parsed.ok()) << text;
    const std::string error = parsed.error();
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    EXPECT_TRUE(error.starts_with("weight type " + schedule_text::Quote(text) + ": ")) << error;
    EXPECT_NE(error.find("; valid forms: base, draft, a number, linear[@step|time], power_p"),
              std::string::npos)
        << error;
  }
}

TEST(ParseWeighingTest, SaysWhatIsWrong) {
  EXPECT_NE(ParseWeighing("step_2").error().find(
                "the threshold of step_f is 2, expected 0 <= f <= 1 over step"),
            std::string::npos);
  EXPECT_NE(ParseWeighing("linear@sigma")
                .error()
                .find("the coordinate of linear is \"sigma\", expected @step or @time"),
            std::string::npos);
}

TEST(ParseWeighingTest, IgnoresTheLocale) {
  if (std::setlocale(LC_NUMERIC, "de_DE.UTF-8") == nullptr) std::setlocale(LC_NUMERIC, "");
  EXPECT_EQ(ParseWeighing("power_2.5")->name(), "power_2.5");
  EXPECT_FALSE(ParseWeighing("power_2,5").ok());
  std::setlocale(LC_NUMERIC, "C");
}

TEST(ParseWeighingTest, SurvivesAnyBytes) {
  std::mt19937 random(1243);
  const std::string_view alphabet = "()@:,. _+-0123456789apeiwstmlnrdc\n\xff";
  const auto draw = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  for (int round = 0; round < 20000; ++round) {
    std::string text(kWeighingForms[draw(std::size(kWeighingForms))].example);
    for (std::size_t edits = draw(4); edits > 0; --edits) {
      const std::size_t at = draw(text.size() + 1);
      text.replace(at, draw(3), 1, alphabet[draw(alphabet.size())]);
    }
    const Parsed<AnyWeighing> parsed = ParseWeighing(text);
    if (!parsed.ok()) continue;
    EXPECT_EQ(ParseWeighing(parsed->name()).value().name(), parsed->name()) << text;
    for (const int index : {0, 13, 24}) {
      const double weight = (*parsed)({index, 25, 1.5, 1});
      ASSERT_TRUE(std::isfinite(weight)) << text;
    }
  }
}

TEST(ParseWeighingTest, SurvivesDeepAndLongText) {
  EXPECT_FALSE(ParseWeighing(std::string(100000, '(')).ok());
  std::string deep = "base", wide = "product(base";
  for (int i = 0; i < 1000; ++i) deep = "reversed(" + deep + ")";
  for (int i = 0; i < 800; ++i) wide += ",base";
  EXPECT_FALSE(ParseWeighing(deep).ok());
  EXPECT_EQ((*ParseWeighing(wide + ")"))({0, 1, 1, 0}), 0);
}

std::vector<std::string> Texts(std::string_view list) {
  std::vector<std::string> texts;
  for (const WeightType& type : ParseWeighingList(list).value()) texts.push_back(type.text);
  return texts;
}

TEST(ParseWeighingListTest, KeepsItemsAsTypedWithoutTheSpacesAroundThem) {
  using Items = std::vector<std::string>;
  EXPECT_EQ(Texts("base, draft ,linear,power_2.0,power_4,step_0.60"),
            (Items{"base", "draft", "linear", "power_2.0", "power_4", "step_0.60"}));
  EXPECT_EQ(Texts("product(linear, draft), piecewise(0:0,0.5:1)"),
            (Items{"product(linear, draft)", "piecewise(0:0,0.5:1)"}));
}

TEST(ParseWeighingListTest, RefusesTwoSpellingsOfOneType) {
  for (const char* list : {"base,base", "power_2, power_2.0", "step_0.6,draft,step_0.6@step"}) {
    const std::string error = ParseWeighingList(list).error();
    EXPECT_NE(error.find("are the same weight type"), std::string::npos) << error;
  }
  EXPECT_EQ(Texts("step_0.6,step_0.6@sigma").size(), 2u);
}

TEST(ParseWeighingListTest, RefusesEmptyAndMalformedItems) {
  for (const char* list : {"", " ", "base,", ",base", "base,,draft", "base,cubic", "base draft"}) {
    const std::string error = ParseWeighingList(list).error();
    EXPECT_NE(error.find("valid forms: base"), std::string::npos) << list << ": " << error;
  }
}

}  // namespace
}  // namespace draftp::testing
