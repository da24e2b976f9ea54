// Tests of the decision to end a run at a validation.
#include "draftp/train/stop_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace draftp {
namespace {

using ::testing::HasSubstr;

ValidationScores HeldOut(double held_out) {
  ValidationScores scores;
  scores.tuned.held_out = held_out;
  scores.held_out_name = "hps";
  return scores;
}

// Validations every 5 steps that score so: the index of the one at which the run ends, or -1.
int EndOf(const std::vector<double>& scores, const std::string& rule, TrainerState state = {}) {
  for (size_t i = 0; i < scores.size(); ++i) {
    state.step = 5 * static_cast<int64_t>(i);
    if (!EndsBy(*ParseStopRules(rule), HeldOut(scores[i]), 5, state).empty())
      return static_cast<int>(i);
  }
  return -1;
}

TEST(EndsBy, CountsValidationsSinceTheBest) {
  EXPECT_EQ(EndOf({1, 2, 1, 1.5, 1.9}, "held_out_falls(3)"), 4);
  EXPECT_EQ(EndOf({1, 2, 1, 1.5, 2.1, 1}, "held_out_falls(3)"), -1);
  EXPECT_EQ(EndOf({1, 1}, "held_out_falls(1)"), 1);  // hasn't risen above it
  EXPECT_EQ(EndOf({1, 2, 3}, "held_out_falls(1)"), -1);
  EXPECT_EQ(EndOf({1, std::numeric_limits<double>::quiet_NaN(), 2, 1}, "held_out_falls(2)"), -1);
}

TEST(EndsBy, AValidationThatIsDrawnAgainChangesNothing) {
  TrainerState state;
  const auto rules = *ParseStopRules("held_out_falls(2)");
  for (int again = 0; again < 3; ++again) EXPECT_EQ(EndsBy(rules, HeldOut(1), 5, state), "");
  state.step = 5;
  for (int again = 0; again < 3; ++again) EXPECT_EQ(EndsBy(rules, HeldOut(0.5), 5, state), "");
  state.step = 10;
  EXPECT_EQ(EndsBy(rules, HeldOut(0.75), 5, state),
            "--stop_when held_out_falls(2): the held-out reward, 0.75, hasn't risen above 1 for 2 "
            "validations");
}

TEST(EndsBy, AnotherHeldOutRewardBeginsAnew) {
  TrainerState state;
  state.step = 50;
  state.best_held_out = 9;
  state.best_held_out_step = 5;
  state.held_out = "pickscore";
  EXPECT_EQ(EndsBy(*ParseStopRules("held_out_falls(1)"), HeldOut(1), 5, state), "");
  EXPECT_EQ(state.best_held_out, 1);
  EXPECT_EQ(state.best_held_out_step, 50);
  EXPECT_EQ(state.held_out, "hps");
}

TEST(EndsBy, AnyOfTheRulesEndsIt) {
  ValidationScores scores;
  scores.tuned = {.reward = 3, .diversity = 0.05};
  scores.base = {.reward = 2, .diversity = 0.1};
  TrainerState state;
  state.step = 7;
  const auto end = [&](const char* rules) {
    return EndsBy(*ParseStopRules(rules), scores, 5, state);
  };
  EXPECT_THAT(end("reward(4),diversity(0.6)"), HasSubstr("--stop_when diversity(0.6): "));
  EXPECT_THAT(end("reward(2),diversity(0.6)"), HasSubstr("--stop_when reward(2): "));
  EXPECT_EQ(end("reward(4),diversity(0.5)"), "");
  EXPECT_EQ(EndsBy({}, scores, 5, state), "");
}

}  // namespace
}  // namespace draftp
