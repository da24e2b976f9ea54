// Tests of what models noise levels, what doesn't, of AnyNoiseLevels and of a run's schedule.
#include "draftp/schedule/noise_levels.h"

#include <gtest/gtest.h>

#include <concepts>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "draftp/schedule/spacings.h"

namespace draftp {
namespace {

struct Halving {  // a good model
  std::vector<double> Sigmas(int n) const {
    std::vector<double> sigmas(n + 1, 0.0);
    for (int i = 0; i < n; ++i) sigmas[i] = 8.0 / (1 << i);
    return sigmas;
  }
};
struct NamedHalving : Halving {
  int max_steps() const { return 20; }
  std::string name() const { return "halving"; }
};
struct LowerCase {
  std::vector<double> sigmas(int) const { return {1, 0}; }
};
struct Mutable {
  std::vector<double> Sigmas(int) { return {1, 0}; }
};
struct Unordered {
  std::set<double> Sigmas(int) const { return {1, 0}; }
};

static_assert(NoiseLevels<Halving> && !NamedNoiseLevels<Halving>);
static_assert(NamedNoiseLevels<NamedHalving>);
static_assert(!NoiseLevels<LowerCase>);
static_assert(!NoiseLevels<Mutable>);
static_assert(!NoiseLevels<Unordered>);

TEST(NoiseLevelsTest, ChecksAStepCountAgainstTheLimit) {
  EXPECT_NO_THROW(CheckSteps(NamedHalving(), 20));
  EXPECT_THROW(CheckSteps(NamedHalving(), 21), std::invalid_argument);
  EXPECT_THROW(CheckSteps(NamedHalving(), 0), std::invalid_argument);
}

static_assert(std::copyable<AnyNoiseLevels>);
static_assert(!std::constructible_from<AnyNoiseLevels, double>);

TEST(AnyNoiseLevelsTest, OutlivesWhatItWasMadeFrom) {
  std::optional<EdmKarras> edm(EdmKarras(0.1, 10, 7));
  const AnyNoiseLevels any = *edm;
  edm.reset();
  EXPECT_EQ(any.Sigmas(3), EdmKarras(0.1, 10, 7).Sigmas(3));
  EXPECT_EQ(any.name(), "edm(0.1,10,7)");
  EXPECT_EQ(any.max_steps(), 10000);
}

TEST(AnyNoiseLevelsTest, ComparesByName) {
  EXPECT_EQ(AnyNoiseLevels(EdmKarras()), AnyNoiseLevels(EdmKarras(0.0292, 14.6146, 3)));
  EXPECT_NE(AnyNoiseLevels(EdmKarras()), AnyNoiseLevels(LegacyDdpm()));
}

TEST(NoiseScheduleTest, StepsKnowTheTable) {
  const NoiseSchedule schedule{DdpmTable::ScaledLinear(0.0001, 0.002, 500), {2.0, 1.0, 0.0}};
  EXPECT_EQ(schedule.steps(), 2);
  const StepContext step = schedule.Step(1);
  EXPECT_EQ(step.index, 1);
  EXPECT_EQ(step.total, 2);
  EXPECT_EQ(step.sigma, 1.0);
  EXPECT_EQ(step.sigma_next, 0.0);
  EXPECT_EQ(step.table, &schedule.table);
  EXPECT_THROW(schedule.Step(2), std::out_of_range);
}

}  // namespace
}  // namespace draftp
