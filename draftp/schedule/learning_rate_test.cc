// Tests of what models a learning-rate schedule, and of AnyLearningRate.
#include "draftp/schedule/learning_rate.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "draftp/schedule/constant_rate.h"

namespace draftp {
namespace {

struct InverseStep {  // a good model
  double operator()(std::int64_t step) const { return 1 / static_cast<double>(step + 1); }
  bool constant() const { return false; }
  std::string name() const { return "inverse"; }
};
struct HidesItsRate {
  double operator()(std::int64_t) const { return 1; }
  std::string name() const { return "hides"; }
};
struct NamelessRate {
  double operator()(std::int64_t) const { return 1; }
  bool constant() const { return true; }
};
struct StatefulRate {
  double operator()(std::int64_t) { return rate *= 0.5; }
  bool constant() const { return false; }
  std::string name() const { return "stateful"; }
  double rate = 1;
};

static_assert(LearningRate<InverseStep>);
static_assert(!LearningRate<HidesItsRate>);
static_assert(!LearningRate<NamelessRate>);
static_assert(!LearningRate<StatefulRate>);

TEST(LearningRateTest, AnyActsAsItsMember) {
  const AnyLearningRate any = InverseStep();
  EXPECT_EQ(any(3), 0.25);
  EXPECT_EQ(any.name(), "inverse");
  EXPECT_FALSE(any.constant());
  EXPECT_EQ(any, AnyLearningRate(InverseStep()));
  EXPECT_NE(any, AnyLearningRate(ConstantRate(1)));
}

}  // namespace
}  // namespace draftp
