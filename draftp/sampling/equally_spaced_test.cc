// Tests of DRTune's window.
#include "draftp/sampling/equally_spaced.h"

#include <gtest/gtest.h>

namespace draftp::testing {
namespace {

TEST(EquallySpacedTest, TrainsItsStepsAndKeepsTheStateBetweenThem) {
  const EquallySpaced window(1, 3, 2, 6);
  EXPECT_EQ(window(0, 8), StepAction::kNoGradient);
  for (const int step : {1, 4}) EXPECT_EQ(window(step, 8), StepAction::kDetachedInput);
  for (const int step : {2, 3, 5}) EXPECT_EQ(window(step, 8), StepAction::kStateOnly);
}

TEST(EquallySpacedTest, StopsInWhateverModeTheStepHas) {
  EXPECT_EQ(EquallySpaced(1, 3, 2, 6)(6, 8), StepAction::kStateOnly.AndStop());
  EXPECT_EQ(EquallySpaced(0, 3, 3, 6)(6, 8), StepAction::kDetachedInput.AndStop());
}

TEST(EquallySpacedTest, RefusesStepsBehindTheStop) {
  EXPECT_ANY_THROW(EquallySpaced(1, 3, 3, 6));
  EXPECT_ANY_THROW(EquallySpaced(0, 1, 1, 8)(0, 8));
}

}  // namespace
}  // namespace draftp::testing
