// Tests of the signs of reward hacking.
#include "draftp/train/alarms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ValidationScores Healthy() {
  return {.tuned = {.reward = 31, .held_out = 0.3, .diversity = 0.1, .clamped = 0.05},
          .base = {.reward = 30, .held_out = 0.3, .diversity = 0.12, .clamped = 0.05},
          .held_out_gains = {0.01, -0.01, 0.005},
          .drift = 20};
}

TEST(Alarms, AreSilentOnAHealthyRun) { EXPECT_THAT(Alarms(Healthy()), IsEmpty()); }

TEST(Alarms, HeldOutRewardFallsWhileTheTrainedOneRises) {
  ValidationScores scores = Healthy();
  scores.held_out_gains = {-0.10, -0.12, -0.11};
  EXPECT_THAT(Alarms(scores), ElementsAre(HasSubstr("held-out reward fell by 0.11")));
  scores.tuned.reward = 29;  // nothing rises: it isn't hacking
  EXPECT_THAT(Alarms(scores), IsEmpty());
  scores.tuned.reward = 31;
  scores.held_out_gains = {-0.30, 0.20, -0.02};  // within its error
  EXPECT_THAT(Alarms(scores), IsEmpty());
}

TEST(Alarms, DiversityPixelsAndDriftHaveTheirOwn) {
  ValidationScores scores = Healthy();
  scores.tuned.diversity = 0.05;
  EXPECT_THAT(Alarms(scores), ElementsAre(HasSubstr("diversity fell from the base's 0.12")));
  scores = Healthy();
  scores.tuned.clamped = 0.3;
  EXPECT_THAT(Alarms(scores), ElementsAre(HasSubstr("30% of the pixels are clamped")));
  scores = Healthy();
  scores.drift = 120;
  EXPECT_THAT(Alarms(scores), ElementsAre(HasSubstr("differ from the base's")));
}

TEST(Alarms, TakeWhatWasNotMeasuredForHealthy) {
  ValidationScores scores = Healthy();
  scores.tuned.diversity = scores.base.diversity = std::nan("");
  scores.held_out_gains = {};
  EXPECT_THAT(Alarms(scores), IsEmpty());
}

}  // namespace
}  // namespace draftp
