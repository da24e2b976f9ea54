// Tests of what models a KL schedule, of the members and of their text.
#include "draftp/schedule/kl_schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace draftp {
namespace {

struct HalvingKl {  // a good model
  double Initial() const { return 1; }
  double Next(double coefficient, std::int64_t, double) const { return coefficient / 2; }
  bool constant() const { return false; }
  std::string name() const { return "halving"; }
};
struct HidesItsStart : HalvingKl {
  double Initial() const = delete;
};
struct ForgetsTheKl : HalvingKl {
  double Next(double coefficient, std::int64_t) const { return coefficient; }
};
struct HidesItsKind : HalvingKl {
  bool constant() const = delete;
};
struct KeepsState : HalvingKl {
  double Next(double coefficient, std::int64_t, double) { return last = coefficient / 2; }
  double last = 0;
};

static_assert(KlSchedule<HalvingKl>);
static_assert(!KlSchedule<HidesItsStart>);
static_assert(!KlSchedule<ForgetsTheKl>);
static_assert(!KlSchedule<HidesItsKind>);
static_assert(!KlSchedule<KeepsState>);

TEST(KlScheduleTest, AnyActsAsItsMember) {
  const AnyKlSchedule any = HalvingKl();
  EXPECT_EQ(any.Initial(), 1);
  EXPECT_EQ(any.Next(0.5, 1, 0), 0.25);
  EXPECT_EQ(any.name(), "halving");
  EXPECT_FALSE(any.constant());
  EXPECT_EQ(any, AnyKlSchedule(HalvingKl()));
  EXPECT_NE(any, AnyKlSchedule(LinearKl(1, 0, 10)));
}

TEST(ConstantKlTest, NeverChanges) {
  const ConstantKl kl(0.1);
  EXPECT_EQ(kl.Initial(), 0.1);
  EXPECT_EQ(kl.Next(0.1, 5, 1e9), 0.1);
  EXPECT_EQ(kl.name(), "0.1");
}

TEST(ConstantKlTest, RejectsNegativeAndNonFinite) {
  for (const double c : {-1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_FALSE(ConstantKl::Make(c).ok());
    EXPECT_THROW(ConstantKl{c}, std::invalid_argument);
  }
}

TEST(LinearKlTest, GoesStraightAndThenStays) {
  const LinearKl kl(1, 0.2, 8);
  double coefficient = kl.Initial();
  for (std::int64_t step = 0; step < 12; ++step) {
    EXPECT_DOUBLE_EQ(coefficient, step < 8 ? 1 - 0.8 * static_cast<double>(step) / 8 : 0.2);
    coefficient = kl.Next(coefficient, step, 0.5);
  }
  EXPECT_EQ(coefficient, 0.2);
}

TEST(LinearKlTest, IsConstantWhereItGoesNowhere) {
  EXPECT_TRUE(LinearKl(0.2, 0.2, 8).constant());
  EXPECT_FALSE(LinearKl(1, 0.2, 8).constant());
}

TEST(LinearKlTest, DependsOnTheStepAlone) {
  EXPECT_EQ(LinearKl(1, 0, 10).Next(0.9, 4, 0.1), LinearKl(1, 0, 10).Next(0.3, 4, 7));
}

TEST(LinearKlTest, RejectsWhatIsNegativeNonFiniteOrWithoutSteps) {
  EXPECT_THROW(LinearKl(-1, 0, 10), std::invalid_argument);
  EXPECT_THROW(LinearKl(1, -1, 10), std::invalid_argument);
  EXPECT_THROW(LinearKl(1, 0, 0), std::invalid_argument);
  EXPECT_FALSE(LinearKl::Make(std::nan(""), 0, 10).ok());
  EXPECT_FALSE(LinearKl::Make(1, HUGE_VAL, 10).ok());
}

TEST(TargetKlTest, RisesAboveTheTargetAndFallsBelow) {
  const TargetKl kl(0.05, 1, 0.1);
  EXPECT_DOUBLE_EQ(kl.Next(1, 0, 0.055), 1.01);  // 10% above: 1 + 0.1 x 0.1
  EXPECT_DOUBLE_EQ(kl.Next(1, 0, 0.045), 0.99);
  EXPECT_EQ(kl.Next(0.7, 0, 0.05), 0.7);
}

TEST(TargetKlTest, ClampsTheErrorToAFifth) {
  const TargetKl kl(0.05, 1, 0.1);
  EXPECT_DOUBLE_EQ(kl.Next(1, 0, 100), 1.02);
  EXPECT_DOUBLE_EQ(kl.Next(1, 0, 0), 0.98);
}

TEST(TargetKlTest, HoldsASimulatedKlAtItsTarget) {
  const TargetKl schedule(0.05, 1);
  double coefficient = schedule.Initial();
  const auto measure = [](double c) { return 0.4 / c; };  // more weight, less KL
  for (std::int64_t step = 0; step < 2000; ++step) {
    coefficient = schedule.Next(coefficient, step, measure(coefficient));
  }
  EXPECT_NEAR(measure(coefficient), 0.05, 1e-6);
}

TEST(TargetKlTest, StaysWithinAMillionTimesItsStart) {
  const TargetKl schedule(0.05, 2, 1);
  double up = 2, down = 2;
  for (int step = 0; step < 1000; ++step) {
    up = schedule.Next(up, step, 1);
    down = schedule.Next(down, step, 0);
  }
  EXPECT_DOUBLE_EQ(up, 2e6);
  EXPECT_DOUBLE_EQ(down, 2e-6);
}

TEST(TargetKlTest, LeavesTheCoefficientWhenTheMeasurementIsNotFinite) {
  const TargetKl kl(0.05, 1);
  EXPECT_EQ(kl.Next(0.7, 3, std::nan("")), 0.7);
  EXPECT_EQ(kl.Next(0.7, 3, HUGE_VAL), 0.7);
}

TEST(TargetKlTest, RejectsTargetsAndGainsThatCannotSteer) {
  EXPECT_THROW(TargetKl(0, 1), std::invalid_argument);
  EXPECT_THROW(TargetKl(0.05, 0), std::invalid_argument);
  EXPECT_THROW(TargetKl(0.05, 1, 0), std::invalid_argument);
  EXPECT_THROW(TargetKl(0.05, 1, 1.5), std::invalid_argument);
  EXPECT_FALSE(TargetKl::Make(std::nan(""), 1).ok());
  EXPECT_FALSE(TargetKl::Make(0.05, HUGE_VAL).ok());
}

TEST(ParseKlScheduleTest, ReadsEveryMember) {
  EXPECT_EQ(ParseKlSchedule("0.1")->Initial(), 0.1);
  EXPECT_EQ(ParseKlSchedule("linear(1,0.2,8)")->Next(1, 3, 0), LinearKl(1, 0.2, 8).Next(1, 3, 0));
  EXPECT_EQ(ParseKlSchedule("target(0.05,1)")->Next(1, 0, 2), TargetKl(0.05, 1).Next(1, 0, 2));
  EXPECT_EQ(ParseKlSchedule("target(0.05,1,0.5)")->name(), "target(0.05,1,0.5)");
}

TEST(ParseKlScheduleTest, EveryFormIsFiniteAndReadsBack) {
  for (const auto& form : schedule_text::kKlForms) {
    const AnyKlSchedule schedule = ParseKlSchedule(form.example).value();
    EXPECT_EQ(ParseKlSchedule(schedule.name()).value(), schedule);
    double coefficient = schedule.Initial();
    bool constant = true;
    for (std::int64_t step = 0; step < 5000; ++step) {
      coefficient = schedule.Next(coefficient, step, step % 3 == 0 ? 0.01 : 10);
      ASSERT_TRUE(std::isfinite(coefficient) && coefficient >= 0) << schedule.name();
      constant = constant && coefficient == schedule.Initial();
    }
    EXPECT_EQ(schedule.constant(), constant) << schedule.name();
  }
}

TEST(ParseKlScheduleTest, RefusesMalformedTextAndListsTheValidForms) {
  for (const char* text :
       {"", "x", "-1", "nan", "1e999", "1@time", "1(2)", "linear", "linear(1,0)", "linear(1,0,2.5)",
        "linear(1,0,0)", "target(1)", "target(0,1)", "target(1,1,1,1)", "target(1,1)@time"}) {
    const std::string error = ParseKlSchedule(text).error();
    EXPECT_TRUE(error.starts_with("KL schedule \"")) << text << ": " << error;
    EXPECT_TRUE(
        error.ends_with("; valid forms: a number, linear(from,to,steps), "
                        "target(kl,initial[,gain])"))
        << error;
  }
}

}  // namespace
}  // namespace draftp
