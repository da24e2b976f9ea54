// Tests of the cosine learning rate against the closed formula.
#include "draftp/schedule/cosine_rate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace draftp {
namespace {

TEST(CosineRateTest, IsHalfACosine) {
  const CosineRate rate(1e-3, 1e-4, 6);
  EXPECT_EQ(rate(0), 1e-3);
  EXPECT_DOUBLE_EQ(rate(2), 1e-4 + 9e-4 * 0.75);  // cos(pi / 3) = 1/2
  EXPECT_DOUBLE_EQ(rate(3), 5.5e-4);
  EXPECT_DOUBLE_EQ(rate(4), 1e-4 + 9e-4 * 0.25);
}

TEST(CosineRateTest, StaysAtItsEnd) {
  const CosineRate rate(1e-3, 1e-4, 6);
  EXPECT_EQ(rate(6), 1e-4);
  EXPECT_EQ(rate(1000000), 1e-4);
}

TEST(CosineRateTest, RejectsARiseNonFiniteRatesAndNoSteps) {
  EXPECT_THROW(CosineRate(1e-4, 1e-3, 6), std::invalid_argument);
  EXPECT_THROW(CosineRate(1e-4, -1e-5, 6), std::invalid_argument);
  EXPECT_THROW(CosineRate(1e-4, 0, 0), std::invalid_argument);
  EXPECT_FALSE(CosineRate::Make(HUGE_VAL, 0, 6).ok());
  EXPECT_FALSE(CosineRate::Make(1, std::nan(""), 6).ok());
}

}  // namespace
}  // namespace draftp
