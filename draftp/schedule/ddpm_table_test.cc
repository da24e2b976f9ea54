// Tests of the training noise levels against numpy.
#include "draftp/schedule/ddpm_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "draftp/schedule/golden.h"

namespace draftp {
namespace {

TEST(DdpmTableTest, EqualsNumpy) {
  const auto sigmas = testing::ScheduleGolden().at("sigmas").get<std::vector<double>>();
  const auto alpha_bars = testing::ScheduleGolden().at("alpha_bars").get<std::vector<double>>();
  const DdpmTable table = DdpmTable::ScaledLinear();
  EXPECT_EQ(table.size(), 1000);
  EXPECT_EQ(table.sigmas(), sigmas);
  for (int t = 0; t < 1000; ++t) EXPECT_NEAR(table.alpha_bars()[t], alpha_bars[t], 1e-15);
}

TEST(DdpmTableTest, RoundsTheVarianceToFloat32) {
  for (const double sigma : DdpmTable::Standard().sigmas()) {
    const double variance = sigma * sigma;
    EXPECT_NEAR(variance, static_cast<float>(variance), 4e-16 * variance);
  }
}

TEST(DdpmTableTest, SnapsToTheNearestSigmaByAbsoluteDifference) {
  const DdpmTable& table = DdpmTable::Standard();
  for (int t = 0; t + 1 < table.size(); ++t) {
    const double low = table.sigmas()[t], high = table.sigmas()[t + 1];
    EXPECT_EQ(table.NearestIndex(low), t);
    EXPECT_EQ(table.NearestIndex(low + 0.499 * (high - low)), t);
    EXPECT_EQ(table.NearestIndex(low + 0.501 * (high - low)), t + 1);
  }
}

TEST(DdpmTableTest, SnapsWhatIsOutsideToTheEnds) {
  const DdpmTable& table = DdpmTable::Standard();
  EXPECT_EQ(table.NearestIndex(0), 0);
  EXPECT_EQ(table.NearestIndex(-1), 0);
  EXPECT_EQ(table.NearestIndex(1e9), 999);
  EXPECT_EQ(table.NearestIndex(std::numeric_limits<double>::infinity()), 999);
}

TEST(DdpmTableTest, TakesOtherBetasAndSizes) {
  const DdpmTable table = DdpmTable::ScaledLinear(0.01, 0.04, 3);  // roots 0.1, 0.15, 0.2
  const double last = 0.99 * 0.9775 * 0.96;
  EXPECT_NEAR(table.alpha_bars()[2], last, 1e-15);
  EXPECT_NEAR(table.sigmas()[2], std::sqrt((1 - last) / last), 1e-7);
}

// diffusers' rescale_zero_terminal_snr and EulerDiscreteScheduler, by their formulas.
TEST(DdpmTableTest, RescalesToZeroTerminalSnr) {
  const DdpmTable table = DdpmTable::ScaledLinear(0.00085, 0.012, 1000, true);
  const std::vector<double>& before = DdpmTable::Standard().alpha_bars();
  const double first = std::sqrt(before.front()), last = std::sqrt(before.back());
  for (int t = 0; t < 999; ++t) {
    const double root = (std::sqrt(before[t]) - last) * first / (first - last);
    EXPECT_NEAR(table.alpha_bars()[t], root * root, 1e-15);
    EXPECT_NEAR(table.sigmas()[t], std::sqrt((1 - root * root) / (root * root)),
                1e-7 * table.sigmas()[t]);
  }
  EXPECT_NEAR(table.alpha_bars()[0], before[0], 1e-15);
  EXPECT_EQ(table.alpha_bars()[999], std::pow(2.0, -24));
  EXPECT_NEAR(table.sigmas()[999], 4096, 2e-4);
  EXPECT_FALSE(DdpmTable::MakeScaledLinear(1e-17, 1e-17, 1000, true).ok());
}

TEST(DdpmTableTest, RejectsBetasAndSizesThatCannotBe) {
  const double nan = std::nan("");
  EXPECT_FALSE(DdpmTable::MakeScaledLinear(0, 0.012).ok());
  EXPECT_FALSE(DdpmTable::MakeScaledLinear(0.02, 0.012).ok());
  EXPECT_FALSE(DdpmTable::MakeScaledLinear(0.1, 1).ok());
  EXPECT_FALSE(DdpmTable::MakeScaledLinear(nan, 0.012).ok());
  EXPECT_FALSE(DdpmTable::MakeScaledLinear(0.1, nan).ok());
  EXPECT_FALSE(DdpmTable::MakeScaledLinear(0.00085, 0.012, 1).ok());
  EXPECT_FALSE(DdpmTable::MakeScaledLinear(0.5, 0.9, 10000).ok());     // alpha_bar underflows
  EXPECT_FALSE(DdpmTable::MakeScaledLinear(1e-17, 1e-17, 1000).ok());  // 1 - beta is 1
  EXPECT_THROW(DdpmTable::ScaledLinear(0.02, 0.012), std::invalid_argument);
}

}  // namespace
}  // namespace draftp
