// Tests of a weighing function with the models' roles exchanged.
#include "draftp/schedule/reversed_weighing.h"

#include <gtest/gtest.h>

#include <vector>

#include "draftp/schedule/any_weighing.h"
#include "draftp/schedule/step_weighing.h"
#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

struct ReversedExamples {
  using Reversed = ReversedWeighing<AnyWeighing>;
  static std::vector<Reversed> All() {
    return {Reversed(BaseWeighing()), Reversed(StepWeighing<>(0.6))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Reversed, WeighingConformance, ReversedExamples);

TEST(ReversedWeighingTest, ExchangesTheModels) {
  const StepWeighing<> step(0.6);
  const ReversedWeighing reversed(step);
  for (const StepContext& at : ConformanceSteps()) EXPECT_EQ(reversed(at), 1 - step(at));
  EXPECT_EQ(reversed.name(), "reversed(step_0.6)");
}

TEST(ReversedWeighingTest, TwiceIsTheFunctionItself) {
  using Once = ReversedWeighing<StepWeighing<>>;
  const ReversedWeighing<Once> twice(Once(StepWeighing<>(0.3)));
  for (const StepContext& at : ConformanceSteps()) EXPECT_EQ(twice(at), StepWeighing<>(0.3)(at));
}

}  // namespace
}  // namespace draftp::testing
