// Tests of leading spacing against diffusers.
#include "draftp/schedule/leading_spacing.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "draftp/schedule/golden.h"
#include "draftp/schedule/noise_levels_conformance.h"

namespace draftp::testing {
namespace {

struct LeadingSpacingExamples {
  static std::vector<LeadingSpacing> All() {
    return {LeadingSpacing(), LeadingSpacing(1),
            LeadingSpacing(1, DdpmTable::ScaledLinear(0.001, 0.02, 200))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(LeadingSpacing, NoiseLevelsConformance, LeadingSpacingExamples);

TEST(LeadingSpacingTest, EqualsDiffusersForEveryNumberOfSteps) {
  ExpectGoldenTimes(LeadingSpacing(0));
  ExpectGoldenTimes(LeadingSpacing(1));
}

TEST(LeadingSpacingTest, HasDiffusersSigmas) {
  ExpectGoldenSigmas(LeadingSpacing(0));
  ExpectGoldenSigmas(LeadingSpacing(1));
}

TEST(LeadingSpacingTest, RejectsOffsetsThatNoCheckpointHas) {
  for (const int offset : {-1, 2, 999}) {
    EXPECT_FALSE(LeadingSpacing::Make(offset).ok()) << offset;
    EXPECT_THROW(LeadingSpacing{offset}, std::invalid_argument) << offset;
  }
}

}  // namespace
}  // namespace draftp::testing
