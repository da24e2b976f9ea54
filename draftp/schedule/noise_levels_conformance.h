// What all noise levels must keep, written once and instantiated for each member. Test only.
#ifndef DRAFTP_SCHEDULE_NOISE_LEVELS_CONFORMANCE_H_
#define DRAFTP_SCHEDULE_NOISE_LEVELS_CONFORMANCE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "draftp/schedule/noise_levels.h"

namespace draftp::testing {

// Examples::All() returns a vector of the member's values, edge cases included; instantiated as
// WeighingConformance is.
template <class Examples>
class NoiseLevelsConformance : public ::testing::Test {
 protected:
  static std::vector<int> StepCounts(int max_steps) {
    std::vector<int> counts = {1, 2, 3, 10, 25, 40, 61, 99, 500, 501, max_steps - 1, max_steps};
    std::erase_if(counts, [&](int n) { return n < 1 || n > max_steps; });
    return counts;
  }
};

TYPED_TEST_SUITE_P(NoiseLevelsConformance);

TYPED_TEST_P(NoiseLevelsConformance, HasOneMoreLevelThanSteps) {
  for (const auto& levels : TypeParam::All()) {
    for (const int n : this->StepCounts(levels.max_steps())) {
      EXPECT_EQ(levels.Sigmas(n).size(), static_cast<std::size_t>(n) + 1) << levels.name();
    }
  }
}

TYPED_TEST_P(NoiseLevelsConformance, DescendsStrictlyFromFinitePositiveToZero) {
  for (const auto& levels : TypeParam::All()) {
    for (const int n : this->StepCounts(levels.max_steps())) {
      const std::vector<double> sigmas = levels.Sigmas(n);
      EXPECT_TRUE(std::isfinite(sigmas.front())) << levels.name() << ", " << n << " steps";
      EXPECT_EQ(std::adjacent_find(sigmas.begin(), sigmas.end(),
                                   [](double a, double b) { return !(a > b); }),
                sigmas.end())
          << levels.name() << ", " << n << " steps";
      EXPECT_EQ(sigmas.back(), 0) << levels.name() << ", " << n << " steps";
    }
  }
}

TYPED_TEST_P(NoiseLevelsConformance, GivesTheSameLevelsAgainAndBehindAnyNoiseLevels) {
  for (const auto& levels : TypeParam::All()) {
    const AnyNoiseLevels any(levels);
    EXPECT_EQ(any.name(), std::string(levels.name()));
    EXPECT_EQ(any.max_steps(), levels.max_steps());
    EXPECT_EQ(any.Sigmas(25), levels.Sigmas(25));
  }
}

TYPED_TEST_P(NoiseLevelsConformance, RefusesStepCountsItCannotGive) {
  for (const auto& levels : TypeParam::All()) {
    for (const int n : {std::numeric_limits<int>::min(), -1, 0, levels.max_steps() + 1,
                        std::numeric_limits<int>::max()}) {
      EXPECT_THROW(levels.Sigmas(n), std::invalid_argument) << levels.name() << ", " << n;
    }
  }
}

REGISTER_TYPED_TEST_SUITE_P(NoiseLevelsConformance, HasOneMoreLevelThanSteps,
                            DescendsStrictlyFromFinitePositiveToZero,
                            GivesTheSameLevelsAgainAndBehindAnyNoiseLevels,
                            RefusesStepCountsItCannotGive);

}  // namespace draftp::testing

#endif  // DRAFTP_SCHEDULE_NOISE_LEVELS_CONFORMANCE_H_
