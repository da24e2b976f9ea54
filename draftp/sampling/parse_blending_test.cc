// Ways to blend from text: what is read, what isn't, and what is said then.
#include "draftp/sampling/parse_blending.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "draftp/testing/doc_examples.h"

namespace draftp::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr StepContext kParsedStep{3, 10, 2.0, 1.5};

TEST(ParseBlendingTest, AWeightTypeIsAMixtureWithOneAdapter) {
  EXPECT_EQ(ParseBlending("power_2.0")->name(), "power_2");
  EXPECT_EQ(ParseBlending("mix(power_2.0)")->name(), "power_2");
  EXPECT_EQ(ParseBlending("1.6")->At(kParsedStep),
            MixBlending({AnyWeighing(ConstantWeighing(1.6))}).At(kParsedStep));
  EXPECT_EQ(ParseBlending("linear")->adapters(), 1);
  EXPECT_EQ(ParseBlending("base")->adapters(), 0);
}

TEST(ParseBlendingTest, EachFormHasAnExampleThatReadsAndACanonicalName) {
  std::set<std::string_view> keys;
  for (const auto& form : schedule_text::kBlendingForms) {
    EXPECT_TRUE(keys.insert(form.key).second);
    const auto example = ParseBlending(form.example);
    ASSERT_TRUE(example.ok()) << example.error();
    EXPECT_EQ(example->name(), form.example);
    for (const auto& weighing : schedule_text::kWeighingForms) EXPECT_NE(form.key, weighing.key);
  }
  EXPECT_EQ(ParseBlending(" mix( linear , 0.70 )")->name(), "mix(linear,0.7)");
  EXPECT_EQ(ParseBlending("projected(1,base)")->name(), "projected(1)");
  EXPECT_EQ(ParseBlending("guided(piecewise(0:0,0.5:1)@step,0)")->name(),
            "guided(piecewise(0:0,0.5:1),1)");
  EXPECT_EQ(ParseBlending("weights(linear@time,0.5)")->adapters(), 2);
}

TEST(ParseBlendingTest, TheSeedIsTheContexts) {
  int differ = 0;
  for (int i = 0; i < 100; ++i) {
    const StepContext step{i, 100, 1, 0};
    EXPECT_EQ(ParseBlending("draw(0.5)", {.seed = 9})->At(step), DrawBlending(9, {0.5}).At(step));
    differ += ParseBlending("draw(0.5)", {.seed = 8})->At(step) ==
                      ParseBlending("draw(0.5)", {.seed = 9})->At(step)
                  ? 0
                  : 1;
  }
  EXPECT_GT(differ, 20);
}

TEST(ParseBlendingTest, SaysWhatIsWrongAndListsTheForms) {
  const std::pair<const char*, const char*> cases[] = {
      {"cubic", "weight type \"cubic\": unknown name \"cubic\"; valid forms: base, draft, "},
      {"mix", "mix needs (...), as in mix(linear,0.7)"},
      {"mix()", "mix has 0 arguments, expected between 1 and 64"},
      {"mix(lineal,0.5)", "unknown name \"lineal\""},
      {"weights(0.4)@time", "weights takes no @coordinate"},
      {"weights(0.4:1)", "0.4 can't be followed by ':'"},
      {"weights(mix(linear))", "unknown name \"mix\""},
      {"draw(linear)", "\"linear\" is not a finite decimal number"},
      {"draw(0.6,0.6)", "the probabilities of draw add up to 1.2, expected at most 1"},
      {"draw(1.5)", "a probability of draw is 1.5, expected a number in [0, 1]"},
      {"contrast(linear,0.5)", "contrast has 2 arguments, expected 1"},
      {"guided(linear)", "guided has 1 arguments, expected 2"},
      {"guided(linear,draft)", "\"draft\" is not a finite decimal number"},
      {"projected(1,1,1)", "projected has 3 arguments, expected between 1 and 2"},
      {"bands(linear)", "bands has 1 arguments, expected 2"},
      {"bands(linear", "found the end, expected ',' or ')'"},
  };
  for (const auto& [text, expected] : cases) {
    const std::string error = ParseBlending(text).error();
    EXPECT_THAT(error, HasSubstr(expected)) << text;
    EXPECT_THAT(error, HasSubstr("; valid forms: base, draft, a number, ")) << text;
    EXPECT_THAT(error, HasSubstr("mix(T,T,...), weights(T,...), draw(p,...), contrast(T), "
                                 "guided(T,g), projected(T_orthogonal[,T_parallel]), "
                                 "bands(T_low,T_high)"));
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
}

TEST(ParseBlendingTest, ThePageListsEveryFormWithItsExample) {
  const std::string page = DocText("docs/schedules.md");
  for (const auto& form : schedule_text::kBlendingForms) {
    EXPECT_THAT(page, HasSubstr("| `" + std::string(form.pattern) + "` | `" +
                                std::string(form.example) + "` |"));
  }
}

TEST(ParseBlendingListTest, ItemsKeepTheirTexts) {
  const auto types = ParseBlendingList("base, mix(linear, 0.5),bands(linear,draft)");
  ASSERT_TRUE(types.ok()) << types.error();
  ASSERT_EQ(types->size(), 3u);
  EXPECT_EQ((*types)[1].text, "mix(linear, 0.5)");
  EXPECT_EQ((*types)[2].blending.name(), "bands(linear,draft)");
}

TEST(ParseBlendingListTest, TwoSpellingsOfOneAreAnError) {
  EXPECT_EQ(ParseBlendingList("linear,mix(linear)").error(),
            "weight types \"linear,mix(linear)\": \"linear\" and \"mix(linear)\" are the same "
            "weight type");
  EXPECT_THAT(ParseBlendingList("base,,draft").error(),
              StartsWith("weight types \"base,,draft\": an item is empty; valid forms: base, "));
  EXPECT_THAT(ParseBlendingList("base,cubic").error(), StartsWith("weight type \"cubic\": "));
}

}  // namespace
}  // namespace draftp::testing
