// Tests of what models a KL schedule, and of AnyKlSchedule.
#include "draftp/schedule/kl_schedule.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "draftp/schedule/linear_kl.h"

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

}  // namespace
}  // namespace draftp
