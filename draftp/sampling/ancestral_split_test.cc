// Tests of the ancestral split.
#include "draftp/sampling/ancestral_split.h"

#include <gtest/gtest.h>

#include <cmath>

namespace draftp::testing {
namespace {

TEST(AncestralSplitTest, FollowsKDiffusionsFormula) {
  const AncestralSplit split = SplitAncestral(2.0, 1.1, 0.8);
  const double up = 0.8 * std::sqrt(1.1 * 1.1 * (4.0 - 1.1 * 1.1) / 4.0);
  EXPECT_NEAR(split.up, up, 1e-15);
  EXPECT_NEAR(split.down, std::sqrt(1.1 * 1.1 - up * up), 1e-15);
}

TEST(AncestralSplitTest, VariancesAddUp) {
  for (const double eta : {0.0, 0.3, 1.0, 1.7}) {
    const AncestralSplit split = SplitAncestral(3.0, 2.0, eta);
    EXPECT_NEAR(split.down * split.down + split.up * split.up, 4.0, 1e-14);
  }
}

TEST(AncestralSplitTest, EtaZeroAddsNoNoise) {
  EXPECT_EQ(SplitAncestral(3.0, 2.0, 0.0).up, 0.0);
  EXPECT_EQ(SplitAncestral(3.0, 2.0, 0.0).down, 2.0);
}

TEST(AncestralSplitTest, AddsAtMostTheWholeLevel) {
  EXPECT_EQ(SplitAncestral(3.0, 2.0, 100.0).up, 2.0);
  EXPECT_EQ(SplitAncestral(3.0, 2.0, 100.0).down, 0.0);
}

TEST(AncestralSplitTest, TheLastStepHasNeither) {
  EXPECT_EQ(SplitAncestral(3.0, 0.0, 1.0).up, 0.0);
  EXPECT_EQ(SplitAncestral(3.0, 0.0, 1.0).down, 0.0);
}

}  // namespace
}  // namespace draftp::testing
