// Tests of the step weighing function.
#include "draftp/schedule/step_weighing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

struct StepExamples {
  static std::vector<StepWeighing<>> All() {
    return {StepWeighing<>(0), StepWeighing<>(0.6), StepWeighing<>(1)};
  }
};
struct StepOverSigmaExamples {
  using Step = StepWeighing<coordinate::Sigma>;
  static std::vector<Step> All() { return {Step(0), Step(2), Step(1e6)}; }
};
struct StepOverLogSnrExamples {
  using Step = StepWeighing<coordinate::LogSnr>;
  static std::vector<Step> All() { return {Step(-5), Step(0), Step(3)}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Step, WeighingConformance, StepExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(StepOverSigma, WeighingConformance, StepOverSigmaExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(StepOverLogSnr, WeighingConformance, StepOverLogSnrExamples);

TEST(StepWeighingTest, SwitchesWhereTheFractionReachesTheThreshold) {
  // 0.6 N is a whole number, at which i/N is the same double as 0.6.
  for (const int n : {5, 10, 25, 40, 50, 1000}) {
    for (int i = 0; i < n; ++i) {
      EXPECT_EQ(StepWeighing<>(0.6)({i, n, 1, 0}), 10 * i >= 6 * n ? 1 : 0) << i << " of " << n;
    }
  }
}

TEST(StepWeighingTest, StepZeroAlwaysAndStepOneNeverUsesTheTunedModel) {
  for (const StepContext& step : ConformanceSteps()) {
    EXPECT_EQ(StepWeighing<>(0)(step), 1);
    EXPECT_EQ(StepWeighing<>(1)(step), 0);
  }
}

TEST(StepWeighingTest, OverSigmaTakesTheNoisySteps) {
  const StepWeighing<coordinate::Sigma> step(2);
  EXPECT_EQ(step({0, 3, 14.6, 2}), 1);
  EXPECT_EQ(step({1, 3, 2, 1}), 1);
  EXPECT_EQ(step({2, 3, 1, 0}), 0);
  EXPECT_EQ(step.name(), "step_2@sigma");
}

TEST(StepWeighingTest, RejectsThresholdsOutsideTheCoordinatesRange) {
  for (const double f : {-1.0, 1.0001, 2.0, std::nan("")}) {
    EXPECT_FALSE(StepWeighing<>::Make(f).ok()) << f;
    EXPECT_THROW(StepWeighing<>{f}, std::invalid_argument) << f;
  }
  EXPECT_TRUE(StepWeighing<coordinate::Sigma>::Make(2).ok());
  EXPECT_FALSE(StepWeighing<coordinate::Sigma>::Make(-1).ok());
  EXPECT_TRUE(StepWeighing<coordinate::LogSnr>::Make(-1).ok());
}

}  // namespace
}  // namespace draftp::testing
