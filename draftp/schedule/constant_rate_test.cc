// Tests of the constant learning rate.
#include "draftp/schedule/constant_rate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace draftp {
namespace {

TEST(ConstantRateTest, NeverChanges) {
  const ConstantRate rate(1e-4);
  EXPECT_EQ(rate(0), 1e-4);
  EXPECT_EQ(rate(1000000), 1e-4);
}

TEST(ConstantRateTest, RejectsNegativeAndNonFinite) {
  for (const double r : {-1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_FALSE(ConstantRate::Make(r).ok());
    EXPECT_THROW(ConstantRate{r}, std::invalid_argument);
  }
}

}  // namespace
}  // namespace draftp
