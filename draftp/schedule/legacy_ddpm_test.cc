// Tests of LegacyDDPM noise levels against numpy.
#include "draftp/schedule/legacy_ddpm.h"

#include <gtest/gtest.h>

#include <vector>

#include "draftp/schedule/golden.h"
#include "draftp/schedule/noise_levels_conformance.h"

namespace draftp::testing {
namespace {

struct LegacyDdpmExamples {
  static std::vector<LegacyDdpm> All() {
    return {LegacyDdpm(), LegacyDdpm(DdpmTable::ScaledLinear(0.001, 0.02, 200))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(LegacyDdpm, NoiseLevelsConformance, LegacyDdpmExamples);

TEST(LegacyDdpmTest, EqualsNumpyForEveryNumberOfSteps) { ExpectGoldenTimes(LegacyDdpm()); }

TEST(LegacyDdpmTest, TakesItsSigmasFromTheTable) {
  const std::vector<double> sigmas = LegacyDdpm().Sigmas(3);  // times 999, 666, 333
  const std::vector<double>& table = DdpmTable::Standard().sigmas();
  EXPECT_EQ(sigmas, (std::vector<double>{table[999], table[666], table[333], 0}));
}

TEST(LegacyDdpmTest, StartsAtTheLastAndEndsAboveTheFirstTime) {
  for (int n = 1; n < 1000; ++n) {
    const std::vector<int> times = LegacyDdpm().Times(n);
    ASSERT_EQ(times.front(), 999);
    ASSERT_GT(times.back(), 0);
  }
  EXPECT_EQ(LegacyDdpm().Times(1000).back(), 0);
}

}  // namespace
}  // namespace draftp::testing
