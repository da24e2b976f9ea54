// Tests of stop rules: when they hold, and their text.
#include "draftp/train/stop_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace draftp {
namespace {

using ::testing::HasSubstr;

const ValidationFacts kFacts = {.reward = 25,
                                .diversity = 0.08,
                                .base_diversity = 0.1,
                                .held_out = 0.5,
                                .best_held_out = 0.75,
                                .since_best_held_out = 3};

std::string Reason(const std::string& text, const ValidationFacts& facts = kFacts) {
  return ParseStopRules(text)->at(0)(facts);
}

TEST(StopRules, HoldFromTheirBoundOn) {
  EXPECT_EQ(Reason("held_out_falls(3)"),
            "the held-out reward, 0.5, hasn't risen above 0.75 for 3 validations");
  EXPECT_EQ(Reason("held_out_falls(4)"), "");
  EXPECT_EQ(Reason("diversity(0.81)"), "diversity, 0.08, is below 0.81 of the base's 0.1");
  EXPECT_EQ(Reason("diversity(0.79)"), "");
  EXPECT_EQ(Reason("reward(25)"), "the validation reward is 25");
  EXPECT_EQ(Reason("reward(25.1)"), "");
}

TEST(StopRules, WhatWasNotMeasuredEndsNothing) {
  for (const char* text : {"held_out_falls(1)", "diversity(1)", "reward(-1e300)"})
    EXPECT_EQ(Reason(text, {}), "") << text;
}

TEST(StopRules, ReadBackTheirNames) {
  const auto rules = ParseStopRules(" held_out_falls( 3 ) ,diversity(.80),reward(-2.50)");
  ASSERT_TRUE(rules.ok()) << rules.error();
  std::vector<std::string> names;
  for (const AnyStopRule& rule : *rules) {
    names.push_back(rule.name());
    EXPECT_EQ(ParseStopRules(rule.name())->at(0), rule);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("held_out_falls(3)", "diversity(0.8)", "reward(-2.5)"));
  EXPECT_TRUE(rules->at(0).reads_held_out() && !rules->at(0).reads_diversity());
  EXPECT_TRUE(rules->at(1).reads_diversity() && !rules->at(1).reads_held_out());
}

TEST(StopRules, OtherTextsListTheForms) {
  for (const char* text : {"", "reward", "reward(25),", "held_out_falls(0)", "held_out_falls(1.5)",
                           "diversity(0)", "diversity(1.1)", "diversity(nan)", "kl(3)", "reward()",
                           "reward(1,2)", "held_out_falls(3)@step"}) {
    EXPECT_THAT(ParseStopRules(text).error(),
                HasSubstr("; valid forms: held_out_falls(validations), diversity(share), "
                          "reward(value)"))
        << text;
  }
}

}  // namespace
}  // namespace draftp
