// Tests of reading KL schedules from text.
#include "draftp/schedule/parse_kl_schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace draftp {
namespace {

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
