// Tests of the linear weighing function.
#include "draftp/schedule/linear_weighing.h"

#include <gtest/gtest.h>

#include <vector>

#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

struct LinearExamples {
  static std::vector<LinearWeighing<>> All() { return {LinearWeighing<>()}; }
};
struct LinearOverTimeExamples {
  using Linear = LinearWeighing<coordinate::Time>;
  static std::vector<Linear> All() { return {Linear()}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Linear, WeighingConformance, LinearExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(LinearOverTime, WeighingConformance, LinearOverTimeExamples);

TEST(LinearWeighingTest, IsIndexOverTotal) {
  for (int i = 0; i < 40; ++i) EXPECT_EQ(LinearWeighing<>()({i, 40, 1, 0}), i / 40.0);
}

TEST(LinearWeighingTest, FallsWithTime) {
  const LinearWeighing<coordinate::Time> linear;
  const auto& sigmas = DdpmTable::Standard().sigmas();
  EXPECT_EQ(linear({0, 2, sigmas[999], 1}), 0.999);
  EXPECT_EQ(linear({1, 2, sigmas[20], 0}), 0.020);
  EXPECT_EQ(linear.name(), "linear@time");
}

}  // namespace
}  // namespace draftp::testing
