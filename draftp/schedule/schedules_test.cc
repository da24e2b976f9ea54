// Tests that one include gives all families of schedules.
#include "draftp/schedule/schedules.h"

#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(SchedulesTest, OneIncludeReadsEveryFamily) {
  EXPECT_TRUE(ParseWeighing("step_0.6").ok());
  EXPECT_TRUE(ParseNoiseLevels("edm").ok());
  EXPECT_TRUE(ParseKlSchedule("0.1").ok());
  EXPECT_TRUE(ParseLearningRate("1e-4").ok());
}

}  // namespace
}  // namespace draftp
