// Means over windows, against sums written out.
#include "draftp/report/moving_mean.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace draftp {
namespace {

TEST(MovingMeanTest, IsTheMeanOfTheLastValues) {
  for (const int window : {1, 2, 7, 100}) {
    MovingMean mean(window);
    for (int i = 0; i < 50; ++i) {
      mean.Add(i * i);
      double sum = 0;
      const int first = std::max(0, i - window + 1);
      for (int j = first; j <= i; ++j) sum += j * j;
      EXPECT_DOUBLE_EQ(mean.value(), sum / (i - first + 1)) << window << " " << i;
    }
  }
}

TEST(MovingMeanTest, PassesOverWhatIsNotFinite) {
  MovingMean mean(2);
  EXPECT_TRUE(std::isnan(mean.value()));
  mean.Add(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(mean.value()));
  for (const double value : {1.0, double{INFINITY}, 3.0, std::nan(""), -double{INFINITY}})
    mean.Add(value);
  EXPECT_EQ(mean.value(), 2);
}

TEST(MovingMeanTest, ForgetsWhatRoundedItsSum) {
  MovingMean mean(3);
  mean.Add(1e20);
  for (int i = 0; i < 6; ++i) mean.Add(0.1);
  EXPECT_NEAR(mean.value(), 0.1, 1e-16);
}

TEST(MovingMeanTest, RejectsAWindowOfNothing) {
  EXPECT_THROW(MovingMean(0), std::invalid_argument);
}

}  // namespace
}  // namespace draftp
