// Ticks by example, and their promises over many ranges.
#include "draftp/report/axis_ticks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

namespace draftp {
namespace {

using ::testing::ElementsAre;

TEST(RoundTicksTest, AreRound) {
  EXPECT_THAT(RoundTicks(0, 600, 5).labels, ElementsAre("0", "200", "400", "600"));
  EXPECT_THAT(RoundTicks(30.38, 31.12, 5).labels, ElementsAre("30.4", "30.6", "30.8", "31.0"));
  EXPECT_THAT(RoundTicks(-0.013, 0.021, 4).labels, ElementsAre("-0.01", "0", "0.01", "0.02"));
  EXPECT_THAT(RoundTicks(0, 10, 10).labels.size(), 11u);
}

TEST(WholeTicksTest, AreWhole) {
  EXPECT_THAT(WholeTicks(0, 2, 6).labels, ElementsAre("0", "1", "2"));
  EXPECT_THAT(WholeTicks(0, 64, 6).labels, ElementsAre("0", "20", "40", "60"));
  EXPECT_THAT(WholeTicks(5, 5, 6).labels, ElementsAre("5"));
  EXPECT_THAT(WholeTicks(0, 0, 6).labels, ElementsAre("0"));
  EXPECT_THAT(WholeTicks(0.2, 0.8, 6).labels, ElementsAre());
  EXPECT_THAT(WholeTicks(1e300, 1e300, 6).labels, ElementsAre());
}

TEST(RoundTicksTest, LabelsAreShort) {
  EXPECT_THAT(RoundTicks(0, 10000, 4).labels, ElementsAre("0", "5k", "10k"));
  EXPECT_THAT(RoundTicks(0, 2.5e6, 5).labels,
              ElementsAre("0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M"));
  EXPECT_THAT(RoundTicks(0, 5e-5, 3).labels, ElementsAre("0", "2e-5", "4e-5"));
  EXPECT_THAT(RoundTicks(1e20, 3e20, 2).labels, ElementsAre("1e20", "2e20", "3e20"));
}

TEST(RoundTicksTest, LieWithinAndDifferOverAnyRange) {
  for (int exponent = -300; exponent <= 300; exponent += 7) {
    for (const double offset : {-3.7, -1.0, 0.0, 0.3, 123.0}) {
      const double unit = std::pow(10, exponent), low = offset * unit, high = (offset + 1.3) * unit;
      const AxisTicks ticks = RoundTicks(low, high, 4);
      ASSERT_GE(ticks.values.size(), 2u) << low << " " << high;
      ASSERT_LE(ticks.values.size(), 5u) << low << " " << high;
      EXPECT_GE(ticks.values.front(), low - 1e-5 * unit);
      EXPECT_LE(ticks.values.back(), high + 1e-5 * unit);
      EXPECT_EQ(std::set<std::string>(ticks.labels.begin(), ticks.labels.end()).size(),
                ticks.labels.size());
    }
  }
}

TEST(ShortNumberTest, HasFourDigits) {
  EXPECT_EQ(ShortNumber(30.4149), "30.41");
  EXPECT_EQ(ShortNumber(-0.0001), "-0.0001");
  EXPECT_EQ(ShortNumber(1.2e-7), "1.2e-7");
  EXPECT_EQ(ShortNumber(123456), "1.235e5");
  EXPECT_EQ(ShortNumber(0), "0");
  EXPECT_EQ(ShortNumber(std::numeric_limits<double>::quiet_NaN()), "nan");
}

}  // namespace
}  // namespace draftp
