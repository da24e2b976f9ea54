// Tests of base and draft.
#include "draftp/schedule/constant_weighing.h"

#include <gtest/gtest.h>

#include <vector>

#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

struct BaseExamples {
  static std::vector<BaseWeighing> All() { return {BaseWeighing()}; }
};
struct DraftExamples {
  static std::vector<DraftWeighing> All() { return {DraftWeighing()}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Base, WeighingConformance, BaseExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(Draft, WeighingConformance, DraftExamples);

TEST(ConstantWeighingTest, BaseIsZeroAndDraftIsOne) {
  for (const StepContext& step : ConformanceSteps()) {
    EXPECT_EQ(BaseWeighing()(step), 0);
    EXPECT_EQ(DraftWeighing()(step), 1);
  }
}

}  // namespace
}  // namespace draftp::testing
