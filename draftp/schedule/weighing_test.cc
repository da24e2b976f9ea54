// Tests of what models a weighing function, what doesn't, and of AnyWeighing.
#include "draftp/schedule/weighing.h"

#include <gtest/gtest.h>

#include <concepts>
#include <string>

#include "draftp/schedule/weighings.h"

namespace draftp {
namespace {

struct Late {  // a good model
  bool operator()(const StepContext& step) const { return step.sigma < 1; }
};
struct NamedLate : Late {
  std::string name() const { return "late"; }
};
struct OfSigmaAlone {
  double operator()(double sigma) const { return sigma; }
};
struct Stateful {
  double operator()(const StepContext&) { return ++calls; }
  int calls = 0;
};
struct GivesText {
  std::string operator()(const StepContext&) const { return "1"; }
};
struct NamedByNumber : Late {
  int name() const { return 1; }
};

static_assert(Weighing<Late> && !NamedWeighing<Late>);
static_assert(NamedWeighing<NamedLate>);
static_assert(!Weighing<OfSigmaAlone>);
static_assert(!Weighing<Stateful>);
static_assert(!Weighing<GivesText>);
static_assert(!Weighing<double>);
static_assert(!NamedWeighing<NamedByNumber>);

TEST(WeighingTest, IsModelledByALambda) {
  const auto half = [](const StepContext&) { return 0.5; };
  static_assert(Weighing<decltype(half)>);
  EXPECT_EQ(half(StepContext{0, 1, 1, 0}), 0.5);
}

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
