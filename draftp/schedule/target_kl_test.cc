// Tests of the controller that keeps the KL near a target.
#include "draftp/schedule/target_kl.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>

namespace draftp {
namespace {

TEST(TargetKlTest, RisesAboveTheTargetAndFallsBelow) {
  const TargetKl kl(0.05, 1, 0.1);
  EXPECT_DOUBLE_EQ(kl.Next(1, 0, 0.055), 1.01);  // 10% above: 1 + 0.1 x 0.1
  EXPECT_DOUBLE_EQ(kl.Next(1, 0, 0.045), 0.99);
  EXPECT_EQ(kl.Next(0.7, 0, 0.05), 0.7);
}

TEST(TargetKlTest, ClampsTheErrorToAFifth) {
  const TargetKl kl(0.05, 1, 0.1);
  EXPECT_DOUBLE_EQ(kl.Next(1, 0, 100), 1.02);
  EXPECT_DOUBLE_EQ(kl.Next(1, 0, 0), 0.98);
}

TEST(TargetKlTest, HoldsASimulatedKlAtItsTarget) {
  const TargetKl schedule(0.05, 1);
  double coefficient = schedule.Initial();
  const auto measure = [](double c) { return 0.4 / c; };  // more weight, less KL
  for (std::int64_t step = 0; step < 2000; ++step) {
    coefficient = schedule.Next(coefficient, step, measure(coefficient));
  }
  EXPECT_NEAR(measure(coefficient), 0.05, 1e-6);
}

TEST(TargetKlTest, StaysWithinAMillionTimesItsStart) {
  const TargetKl schedule(0.05, 2, 1);
  double up = 2, down = 2;
  for (int step = 0; step < 1000; ++step) {
    up = schedule.Next(up, step, 1);
    down = schedule.Next(down, step, 0);
  }
  EXPECT_DOUBLE_EQ(up, 2e6);
  EXPECT_DOUBLE_EQ(down, 2e-6);
}

TEST(TargetKlTest, LeavesTheCoefficientWhenTheMeasurementIsNotFinite) {
  const TargetKl kl(0.05, 1);
  EXPECT_EQ(kl.Next(0.7, 3, std::nan("")), 0.7);
  EXPECT_EQ(kl.Next(0.7, 3, HUGE_VAL), 0.7);
}

TEST(TargetKlTest, RejectsTargetsAndGainsThatCannotSteer) {
  EXPECT_THROW(TargetKl(0, 1), std::invalid_argument);
  EXPECT_THROW(TargetKl(0.05, 0), std::invalid_argument);
  EXPECT_THROW(TargetKl(0.05, 1, 0), std::invalid_argument);
  EXPECT_THROW(TargetKl(0.05, 1, 1.5), std::invalid_argument);
  EXPECT_FALSE(TargetKl::Make(std::nan(""), 1).ok());
  EXPECT_FALSE(TargetKl::Make(0.05, HUGE_VAL).ok());
}

}  // namespace
}  // namespace draftp
