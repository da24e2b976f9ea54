// Tests of the linear warm-up.
#include "draftp/schedule/warmup_rate.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "draftp/schedule/cosine_rate.h"

namespace draftp {
namespace {

TEST(WarmupRateTest, RisesByStepPlusOneOverWarmupPlusOne) {
  const WarmupRate rate(3, ConstantRate(8e-4));
  EXPECT_DOUBLE_EQ(rate(0), 2e-4);
  EXPECT_DOUBLE_EQ(rate(1), 4e-4);
  EXPECT_DOUBLE_EQ(rate(2), 6e-4);
  EXPECT_EQ(rate(3), 8e-4);
  EXPECT_EQ(rate(1000000), 8e-4);
}

TEST(WarmupRateTest, ThenCountsTheInnerScheduleFromItsStart) {
  const CosineRate cosine(1e-3, 0, 10);
  const WarmupRate rate(5, cosine);
  EXPECT_EQ(rate(5), cosine(0));
  EXPECT_EQ(rate(9), cosine(4));
}

TEST(WarmupRateTest, OfNoStepsIsTheInnerSchedule) {
  const CosineRate cosine(1e-3, 0, 10);
  for (int step = 0; step < 12; ++step) EXPECT_EQ(WarmupRate(0, cosine)(step), cosine(step));
}

TEST(WarmupRateTest, RejectsNegativeSteps) {
  EXPECT_THROW(WarmupRate(-1, ConstantRate(1)), std::invalid_argument);
}

}  // namespace
}  // namespace draftp
