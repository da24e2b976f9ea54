// Tests of the power weighing function.
#include "draftp/schedule/power_weighing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

struct PowerExamples {
  static std::vector<PowerWeighing<>> All() {
    return {PowerWeighing<>(0), PowerWeighing<>(0.5), PowerWeighing<>(2), PowerWeighing<>(1e300),
            PowerWeighing<>(std::numeric_limits<double>::denorm_min())};
  }
};
struct PowerOverTimeExamples {
  using Power = PowerWeighing<coordinate::Time>;
  static std::vector<Power> All() { return {Power(0), Power(2.5)}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Power, WeighingConformance, PowerExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(PowerOverTime, WeighingConformance, PowerOverTimeExamples);

TEST(PowerWeighingTest, IsAPowerOfIndexOverTotal) {
  for (int i = 0; i < 25; ++i) {
    const double x = i / 25.0;
    EXPECT_DOUBLE_EQ(PowerWeighing<>(2)({i, 25, 1, 0}), x * x);
    EXPECT_DOUBLE_EQ(PowerWeighing<>(4)({i, 25, 1, 0}), x * x * x * x);
    EXPECT_DOUBLE_EQ(PowerWeighing<>(0.5)({i, 25, 1, 0}), std::sqrt(x));
  }
}

TEST(PowerWeighingTest, PowerZeroIsOneAlsoAtTheFirstStep) {
  EXPECT_EQ(PowerWeighing<>(0)({0, 25, 14.6, 9}), 1);
}

TEST(PowerWeighingTest, PrintsItsExponentShort) {
  EXPECT_EQ(PowerWeighing<>(2.50).name(), "power_2.5");
  EXPECT_EQ(PowerWeighing<coordinate::Time>(2).name(), "power_2@time");
}

TEST(PowerWeighingTest, RejectsExponentsThatAreNegativeOrNotFinite) {
  for (const double p : {-1.0, -1e-9, std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    EXPECT_FALSE(PowerWeighing<>::Make(p).ok()) << p;
    EXPECT_THROW(PowerWeighing<>{p}, std::invalid_argument) << p;
  }
}

}  // namespace
}  // namespace draftp::testing
