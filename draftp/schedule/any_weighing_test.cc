// Tests of a weighing function chosen at run time.
#include "draftp/schedule/any_weighing.h"

#include <gtest/gtest.h>

#include <concepts>

#include "draftp/schedule/power_weighing.h"

namespace draftp {
namespace {

struct NamelessWeighing {
  double operator()(const StepContext&) const { return 0.5; }
};
static_assert(std::copyable<AnyWeighing>);
static_assert(std::constructible_from<AnyWeighing, PowerWeighing<>>);
static_assert(!std::constructible_from<AnyWeighing, NamelessWeighing>);
static_assert(!std::constructible_from<AnyWeighing, double>);

TEST(AnyWeighingTest, HoldsAMemberWithItsName) {
  const AnyWeighing any = PowerWeighing<>(2);
  EXPECT_EQ(any.name(), "power_2");
  EXPECT_EQ(any({1, 2, 1, 0}), 0.25);
}

TEST(AnyWeighingTest, HoldsALambdaUnderAGivenName) {
  const AnyWeighing any([](const StepContext& step) { return step.sigma < 1; }, "late");
  EXPECT_EQ(any.name(), "late");
  EXPECT_EQ(any({0, 1, 0.5, 0}), 1);
  EXPECT_EQ(any({0, 1, 1.5, 0}), 0);
}

TEST(AnyWeighingTest, CopiesAreIndependent) {
  AnyWeighing first = PowerWeighing<>(1);
  const AnyWeighing second = first;
  first = PowerWeighing<>(0);
  EXPECT_EQ(second.name(), "power_1");
  EXPECT_EQ(second({1, 2, 1, 0}), 0.5);
}

TEST(AnyWeighingTest, ComparesByName) {
  EXPECT_EQ(AnyWeighing(PowerWeighing<>(2)), AnyWeighing(PowerWeighing<>(2.0)));
  EXPECT_NE(AnyWeighing(PowerWeighing<>(2)), AnyWeighing(PowerWeighing<>(3)));
}

}  // namespace
}  // namespace draftp
