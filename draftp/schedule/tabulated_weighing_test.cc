// Tests of the tabulated weighing function.
#include "draftp/schedule/tabulated_weighing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

struct TabulatedExamples {
  using Tabulated = TabulatedWeighing<>;
  static std::vector<Tabulated> All() {
    return {Tabulated({0.3}), Tabulated({0, 0.5, 1}), Tabulated(std::vector<double>(1000, 0.7))};
  }
};
struct TabulatedOverTimeExamples {
  using Tabulated = TabulatedWeighing<coordinate::Time>;
  static std::vector<Tabulated> All() { return {Tabulated({1, 0})}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Tabulated, WeighingConformance, TabulatedExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(TabulatedOverTime, WeighingConformance, TabulatedOverTimeExamples);

TEST(TabulatedWeighingTest, GivesStepKItsOwnWeightWhenItHasAsManyAsSteps) {
  for (int n = 1; n <= 200; ++n) {
    std::vector<double> weights;
    for (int i = 0; i < n; ++i) weights.push_back(i / 256.0);
    const TabulatedWeighing<> weighing(weights);
    for (int i = 0; i < n; ++i) ASSERT_EQ(weighing({i, n, 1, 0}), weights[i]) << i << " of " << n;
  }
}

TEST(TabulatedWeighingTest, SharesStepsOutEvenly) {
  for (int n = 1; n <= 60; ++n) {
    std::vector<double> weights;
    for (int k = 0; k < 7; ++k) weights.push_back(k / 8.0);
    const TabulatedWeighing<> weighing(weights);
    for (int i = 0; i < n; ++i) ASSERT_EQ(weighing({i, n, 1, 0}), weights[7 * i / n]);
  }
}

TEST(TabulatedWeighingTest, ReadsItsOwnCoordinate) {
  const TabulatedWeighing<coordinate::Time> weighing({0.25, 0.75});
  const auto& sigmas = DdpmTable::Standard().sigmas();
  EXPECT_EQ(weighing({0, 9, sigmas[500], 0}), 0.75);
  EXPECT_EQ(weighing({0, 9, sigmas[499], 0}), 0.25);
  EXPECT_EQ(weighing.name(), "table(0.25,0.75)@time");
}

TEST(TabulatedWeighingTest, RejectsNoWeightsAndWeightsOutsideZeroToOne) {
  for (const auto& weights :
       std::vector<std::vector<double>>{{}, {-0.1}, {0, 1.1}, {std::nan("")}}) {
    EXPECT_FALSE(TabulatedWeighing<>::Make(weights).ok());
    EXPECT_THROW(TabulatedWeighing<>{weights}, std::invalid_argument);
  }
}

}  // namespace
}  // namespace draftp::testing
