// Tests of the linear KL coefficient.
#include "draftp/schedule/linear_kl.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>

namespace draftp {
namespace {

TEST(LinearKlTest, GoesStraightAndThenStays) {
  const LinearKl kl(1, 0.2, 8);
  double coefficient = kl.Initial();
  for (std::int64_t step = 0; step < 12; ++step) {
    EXPECT_DOUBLE_EQ(coefficient, step < 8 ? 1 - 0.8 * static_cast<double>(step) / 8 : 0.2);
    coefficient = kl.Next(coefficient, step, 0.5);
  }
  EXPECT_EQ(coefficient, 0.2);
}

TEST(LinearKlTest, IsConstantWhereItGoesNowhere) {
  EXPECT_TRUE(LinearKl(0.2, 0.2, 8).constant());
  EXPECT_FALSE(LinearKl(1, 0.2, 8).constant());
}

TEST(LinearKlTest, DependsOnTheStepAlone) {
  EXPECT_EQ(LinearKl(1, 0, 10).Next(0.9, 4, 0.1), LinearKl(1, 0, 10).Next(0.3, 4, 7));
}

TEST(LinearKlTest, RejectsWhatIsNegativeNonFiniteOrWithoutSteps) {
  EXPECT_THROW(LinearKl(-1, 0, 10), std::invalid_argument);
  EXPECT_THROW(LinearKl(1, -1, 10), std::invalid_argument);
  EXPECT_THROW(LinearKl(1, 0, 0), std::invalid_argument);
  EXPECT_FALSE(LinearKl::Make(std::nan(""), 0, 10).ok());
  EXPECT_FALSE(LinearKl::Make(1, HUGE_VAL, 10).ok());
}

}  // namespace
}  // namespace draftp
