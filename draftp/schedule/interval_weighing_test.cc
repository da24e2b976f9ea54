// Tests of a weighing function confined to a part of the run.
#include "draftp/schedule/interval_weighing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "draftp/schedule/linear_weighing.h"
#include "draftp/schedule/step_weighing.h"
#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

using OverSigma = IntervalWeighing<coordinate::Sigma, LinearWeighing<>>;
using OverSteps = IntervalWeighing<coordinate::StepFraction, DraftWeighing>;

struct IntervalExamples {
  static std::vector<OverSteps> All() { return {OverSteps(0, 1, {}), OverSteps(0.25, 0.5, {})}; }
};
struct IntervalOverSigmaExamples {
  static std::vector<OverSigma> All() { return {OverSigma(0.3, 5, {})}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Interval, WeighingConformance, IntervalExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(IntervalOverSigma, WeighingConformance, IntervalOverSigmaExamples);

TEST(IntervalWeighingTest, IncludesItsLowerAndExcludesItsUpperBound) {
  const OverSigma interval(0.3, 5, {});
  EXPECT_EQ(interval({2, 10, 5, 1}), 0);
  EXPECT_EQ(interval({2, 10, 4.999, 1}), 0.2);
  EXPECT_EQ(interval({7, 10, 0.3, 0.1}), 0.7);
  EXPECT_EQ(interval({8, 10, 0.299, 0.1}), 0);
  EXPECT_EQ(interval.name(), "interval(0.3,5,linear)@sigma");
}

TEST(IntervalWeighingTest, UpToOneIsAStep) {
  for (const StepContext& at : ConformanceSteps()) {
    EXPECT_EQ(OverSteps(0.6, 1, {})(at), StepWeighing<>(0.6)(at));
  }
}

TEST(IntervalWeighingTest, RejectsBoundsOutOfOrderOrRange) {
  const double nan = std::nan("");
  for (const auto& [a, b] : std::vector<std::pair<double, double>>{
           {0.5, 0.5}, {0.6, 0.5}, {-0.1, 1}, {0, 1.1}, {nan, 1}, {0, nan}}) {
    EXPECT_FALSE(OverSteps::Make(a, b, {}).ok());
    EXPECT_THROW(OverSteps(a, b, {}), std::invalid_argument);
  }
}

}  // namespace
}  // namespace draftp::testing
