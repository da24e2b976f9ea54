// Tests of the coordinates, and of what is one.
#include "draftp/schedule/coordinate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string_view>
#include <type_traits>

#include "draftp/schedule/spacings.h"
#include "draftp/schedule/weighings.h"

namespace draftp {
namespace {

struct Next {  // a good model
  static constexpr std::string_view kName = "next";
  static constexpr double kLowest = 0, kHighest = 1e6;
  static double Of(const StepContext& step) { return step.sigma_next; }
};
struct NamelessCoordinate {
  static constexpr double kLowest = 0, kHighest = 1;
  static double Of(const StepContext& step) { return step.sigma; }
};
struct CoordinateOfSigmaAlone : Next {
  static double Of(double sigma) { return sigma; }
};
struct Rangeless {
  static constexpr std::string_view kName = "rangeless";
  static double Of(const StepContext& step) { return step.sigma; }
};

static_assert(Coordinate<Next>);
static_assert(!UnitCoordinate<Next>);
static_assert(!Coordinate<NamelessCoordinate>);
static_assert(!Coordinate<CoordinateOfSigmaAlone>);
static_assert(!Coordinate<Rangeless>);
static_assert(!Coordinate<double>);
// The coordinate is part of a weighing's type.
static_assert(!std::is_convertible_v<StepWeighing<coordinate::Sigma>, StepWeighing<>>);

TEST(CoordinateTest, StepFractionEndsBelowOne) {
  EXPECT_EQ(coordinate::StepFraction::Of({0, 25, 14.6, 9}), 0);
  EXPECT_EQ(coordinate::StepFraction::Of({15, 25, 1, 0.9}), 0.6);
  EXPECT_EQ(coordinate::StepFraction::Of({24, 25, 0.3, 0}), 0.96);
}

TEST(CoordinateTest, TimeIsTheTableIndexOfTheNearestSigma) {
  const LegacyDdpm levels;
  const auto sigmas = levels.Sigmas(25);
  const auto times = levels.Times(25);
  for (int i = 0; i < 25; ++i) {
    EXPECT_EQ(coordinate::Time::Of(StepAt(sigmas, i)), times[i] / 1000.0);
  }
  EXPECT_EQ(coordinate::Time::Of({0, 1, 100, 0}), 0.999);
}

TEST(CoordinateTest, TimeIsOfTheStepsOwnTable) {
  const DdpmTable table = DdpmTable::ScaledLinear(0.0001, 0.002, 500);
  StepContext step{0, 1, table.sigmas()[300], 0};
  EXPECT_NE(coordinate::Time::Of(step), 300 / 500.0);
  step.table = &table;
  EXPECT_EQ(coordinate::Time::Of(step), 300 / 500.0);
}

TEST(CoordinateTest, LogSnrIsMinusTwiceTheLogOfSigma) {
  EXPECT_EQ(coordinate::LogSnr::Of({0, 1, 1, 0}), 0);
  EXPECT_DOUBLE_EQ(coordinate::LogSnr::Of({0, 1, 2, 0}), std::log(1.0 / 4));
}

TEST(CoordinateTest, SigmaIsTheStepsOwn) { EXPECT_EQ(coordinate::Sigma::Of({0, 1, 2, 0}), 2); }

}  // namespace
}  // namespace draftp
