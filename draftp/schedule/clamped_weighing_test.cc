// Tests of a weighing function held within bounds.
#include "draftp/schedule/clamped_weighing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "draftp/schedule/linear_weighing.h"
#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

using ClampedLinear = ClampedWeighing<LinearWeighing<>>;

struct ClampedExamples {
  static std::vector<ClampedLinear> All() {
    return {ClampedLinear({}, 0, 1), ClampedLinear({}, 0.2, 0.8), ClampedLinear({}, 0.5, 0.5)};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Clamped, WeighingConformance, ClampedExamples);

TEST(ClampedWeighingTest, KeepsWithinItsBounds) {
  const ClampedLinear clamped({}, 0.2, 0.8);
  EXPECT_EQ(clamped({0, 10, 1, 0}), 0.2);
  EXPECT_EQ(clamped({5, 10, 1, 0}), 0.5);
  EXPECT_EQ(clamped({9, 10, 1, 0}), 0.8);
  EXPECT_EQ(clamped.name(), "clamp(linear,0.2,0.8)");
}

TEST(ClampedWeighingTest, RejectsBoundsOutOfOrderOrOutsideZeroToOne) {
  const double nan = std::nan("");
  for (const auto& [lo, hi] : std::vector<std::pair<double, double>>{
           {-0.1, 1}, {0, 1.1}, {0.6, 0.5}, {nan, 1}, {0, nan}}) {
    EXPECT_FALSE(ClampedLinear::Make({}, lo, hi).ok());
    EXPECT_THROW(ClampedLinear({}, lo, hi), std::invalid_argument);
  }
}

}  // namespace
}  // namespace draftp::testing
