// Tests of the Pareto set: against the definition, pair by pair.
#include "draftp/metrics/pareto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "draftp/objective/step_random.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;

bool Dominates(const CurvePoint& a, const CurvePoint& b) {
  return a.reward >= b.reward && a.diversity >= b.diversity &&
         (a.reward > b.reward || a.diversity > b.diversity);
}

TEST(ParetoSet, IsTheDefinitionsPairByPair) {
  StepRandom random(1, 0, "points");
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<CurvePoint> points;  // on a grid, so that many are equal
    for (int64_t i = random.Uniform(1, 12); i > 0; --i) {
      points.push_back(
          {static_cast<double>(random.Uniform(-3, 3)), static_cast<double>(random.Uniform(-3, 3))});
    }
    const std::vector<bool> kept = *ParetoSet(points);
    for (size_t i = 0; i < points.size(); ++i) {
      bool dominated = false;
      for (const CurvePoint& other : points) dominated |= Dominates(other, points[i]);
      EXPECT_EQ(kept[i], !dominated) << "trial " << trial << ", point " << i;
    }
  }
}

TEST(ParetoSet, KeepsEqualPoints) {
  const std::vector<CurvePoint> points = {{1, 1}, {1, 1}, {0, 1}, {1, 0}, {0, 2}};
  EXPECT_THAT(*ParetoSet(points), ElementsAre(true, true, false, false, true));
}

TEST(BestAt, HasTheBestRewardOfWhatIsDiverseEnough) {
  const std::vector<CurvePoint> points = {{9, 0.1}, {5, 0.5}, {5, 0.6}, {5, 0.6}, {2, 0.9}};
  EXPECT_EQ(*BestAt(points, 0.0), 0u);
  EXPECT_EQ(*BestAt(points, 0.1), 0u);
  EXPECT_EQ(*BestAt(points, 0.2), 2u);
  EXPECT_EQ(*BestAt(points, 0.9), 4u);
  EXPECT_EQ(BestAt(points, 0.95).status().message(),
            "no point has a diversity of 0.95 or more, the most diverse one has 0.9");
}

TEST(Pareto, RefusesNoneAndWhatIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(ParetoSet({}).status().code(), absl::StatusCode::kFailedPrecondition);
  const std::vector<CurvePoint> points = {{1, 1}, {nan, 1}};
  EXPECT_EQ(
      BestAt(points, 0).status().message(),
      "reward-diversity curve: found reward nan and diversity 1 of point 1, expected numbers");
  EXPECT_EQ(ParetoSet(points).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace draftp
