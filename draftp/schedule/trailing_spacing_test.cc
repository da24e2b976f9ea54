// Tests of trailing spacing against diffusers.
#include "draftp/schedule/trailing_spacing.h"

#include <gtest/gtest.h>

#include <vector>

#include "draftp/schedule/golden.h"
#include "draftp/schedule/noise_levels_conformance.h"

namespace draftp::testing {
namespace {

struct TrailingSpacingExamples {
  static std::vector<TrailingSpacing> All() {
    return {TrailingSpacing(), TrailingSpacing(DdpmTable::ScaledLinear(0.001, 0.02, 200))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(TrailingSpacing, NoiseLevelsConformance, TrailingSpacingExamples);

TEST(TrailingSpacingTest, EqualsDiffusersForEveryNumberOfSteps) {
  ExpectGoldenTimes(TrailingSpacing());
}

TEST(TrailingSpacingTest, HasDiffusersSigmas) { ExpectGoldenSigmas(TrailingSpacing()); }

}  // namespace
}  // namespace draftp::testing
