// Tests of a run's noise levels with their table.
#include "draftp/schedule/noise_schedule.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace draftp {
namespace {

TEST(NoiseScheduleTest, StepsKnowTheTable) {
  const NoiseSchedule schedule{DdpmTable::ScaledLinear(0.0001, 0.002, 500), {2.0, 1.0, 0.0}};
  EXPECT_EQ(schedule.steps(), 2);
  const StepContext step = schedule.Step(1);
  EXPECT_EQ(step.index, 1);
  EXPECT_EQ(step.total, 2);
  EXPECT_EQ(step.sigma, 1.0);
  EXPECT_EQ(step.sigma_next, 0.0);
  EXPECT_EQ(step.table, &schedule.table);
  EXPECT_THROW(schedule.Step(2), std::out_of_range);
}

}  // namespace
}  // namespace draftp
