// Tests of what models a learning-rate schedule, of the members and of their text.
#include "draftp/schedule/learning_rate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

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

TEST(ConstantRateTest, NeverChanges) {
  const ConstantRate rate(1e-4);
  EXPECT_EQ(rate(0), 1e-4);
  EXPECT_EQ(rate(1000000), 1e-4);
}

TEST(ConstantRateTest, RejectsNegativeAndNonFinite) {
  for (const double r : {-1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_FALSE(ConstantRate::Make(r).ok());
    EXPECT_THROW(ConstantRate{r}, std::invalid_argument);
  }
}

TEST(CosineRateTest, IsHalfACosine) {
  const CosineRate rate(1e-3, 1e-4, 6);
  EXPECT_EQ(rate(0), 1e-3);
  EXPECT_DOUBLE_EQ(rate(2), 1e-4 + 9e-4 * 0.75);  // cos(pi / 3) = 1/2
  EXPECT_DOUBLE_EQ(rate(3), 5.5e-4);
  EXPECT_DOUBLE_EQ(rate(4), 1e-4 + 9e-4 * 0.25);
}

TEST(CosineRateTest, StaysAtItsEnd) {
  const CosineRate rate(1e-3, 1e-4, 6);
  EXPECT_EQ(rate(6), 1e-4);
  EXPECT_EQ(rate(1000000), 1e-4);
}

TEST(CosineRateTest, RejectsARiseNonFiniteRatesAndNoSteps) {
  EXPECT_THROW(CosineRate(1e-4, 1e-3, 6), std::invalid_argument);
  EXPECT_THROW(CosineRate(1e-4, -1e-5, 6), std::invalid_argument);
  EXPECT_THROW(CosineRate(1e-4, 0, 0), std::invalid_argument);
  EXPECT_FALSE(CosineRate::Make(HUGE_VAL, 0, 6).ok());
  EXPECT_FALSE(CosineRate::Make(1, std::nan(""), 6).ok());
}

TEST(WarmupRateTest, RisesByStepPlusOneOverWarmupPlusOne) {
  const WarmupRate rate(3, ConstantRate(8e-4));
  EXPECT_DOUBLE_EQ(rate(0), 2e-4);
  EXPECT_DOUBLE_EQ(rate(1), 4e-4);
  EXPECT_DOUBLE_EQ(rate(2), 6e-4);
  EXPECT_EQ(rate(3), 8e-4);
  EXPECT_EQ(rate(1000000), 8e-4);
}

TEST(WarmupRateTest, ThenCountsTheInnerScheduleFromItsStart) {
  const CosineRate cosine(1e-3, 0, 10);
  const WarmupRate rate(5, cosine);
  EXPECT_EQ(rate(5), cosine(0));
  EXPECT_EQ(rate(9), cosine(4));
}

TEST(WarmupRateTest, OfNoStepsIsTheInnerSchedule) {
  const CosineRate cosine(1e-3, 0, 10);
  for (int step = 0; step < 12; ++step) EXPECT_EQ(WarmupRate(0, cosine)(step), cosine(step));
}

TEST(WarmupRateTest, RejectsNegativeSteps) {
  EXPECT_THROW(WarmupRate(-1, ConstantRate(1)), std::invalid_argument);
}

TEST(ParseLearningRateTest, ReadsEveryMember) {
  EXPECT_EQ((*ParseLearningRate("1e-4"))(7), 1e-4);
  EXPECT_EQ((*ParseLearningRate("cosine(1e-3,0,10)"))(4), CosineRate(1e-3, 0, 10)(4));
  EXPECT_EQ((*ParseLearningRate("warmup(10000,1e-4)"))(0), 1e-4 / 10001);
  EXPECT_EQ((*ParseLearningRate("warmup(5,cosine(1e-3,0,10))"))(9), CosineRate(1e-3, 0, 10)(4));
}

TEST(ParseLearningRateTest, EveryFormIsFiniteAndReadsBack) {
  for (const auto& form : schedule_text::kLearningRateForms) {
    const AnyLearningRate rate = ParseLearningRate(form.example).value();
    EXPECT_EQ(ParseLearningRate(rate.name()).value(), rate);
    for (std::int64_t step = 0; step < 20000; ++step) {
      ASSERT_TRUE(std::isfinite(rate(step)) && rate(step) >= 0) << rate.name();
    }
  }
}

TEST(ParseLearningRateTest, RefusesMalformedTextAndListsTheValidForms) {
  for (const char* text :
       {"", "x", "-1", "nan", "inf", "1e999", "cosine(1,0)", "cosine(0,1,5)", "cosine(1,0,1.5)",
        "warmup(1)", "warmup(-1,1)", "warmup(1.5,1)", "warmup(1,x)", "warmup(1,1:1)", "1@step"}) {
    const std::string error = ParseLearningRate(text).error();
    EXPECT_TRUE(error.starts_with("learning rate \"")) << text << ": " << error;
    EXPECT_TRUE(error.ends_with("; valid forms: a number, cosine(from,to,steps), warmup(steps,R)"))
        << error;
  }
}

}  // namespace
}  // namespace draftp
