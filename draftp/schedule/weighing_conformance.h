// What every weighing function must keep, written once and instantiated for each member. Test only.
#ifndef DRAFTP_SCHEDULE_WEIGHING_CONFORMANCE_H_
#define DRAFTP_SCHEDULE_WEIGHING_CONFORMANCE_H_

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "draftp/schedule/spacings.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp::testing {

// Every step of runs of 1 to 1000 steps over two families of noise levels.
inline const std::vector<StepContext>& ConformanceSteps() {
  static const std::vector<StepContext> all = [] {
    std::vector<StepContext> steps;
    for (const int n : {1, 2, 3, 25, 40, 49, 1000}) {
      for (const auto& sigmas : {LegacyDdpm().Sigmas(n), EdmKarras().Sigmas(n)}) {
        for (int i = 0; i < n; ++i) steps.push_back(StepAt(sigmas, i));
      }
    }
    return steps;
  }();
  return all;
}

// Examples::All() returns a vector of the member's values, edge cases included:
//
//   struct PowerExamples {
//     static std::vector<PowerWeighing<>> All() { return {PowerWeighing<>(0), ...}; }
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Power, WeighingConformance, PowerExamples);
//
// from namespace draftp::testing, where the suite is.
template <class Examples>
class WeighingConformance : public ::testing::Test {};

TYPED_TEST_SUITE_P(WeighingConformance);

TYPED_TEST_P(WeighingConformance, IsFiniteAndWithinItsRange) {
  for (const auto& weighing : TypeParam::All()) {
    for (const StepContext& step : ConformanceSteps()) {
      const double weight = weighing(step);
      constexpr bool kExtrapolates = requires { weighing.kExtrapolates; };
      ASSERT_TRUE(std::isfinite(weight) && (kExtrapolates || (weight >= 0 && weight <= 1)))
          << weighing.name() << " is " << weight << " at step " << step.index << " of "
          << step.total << ", sigma " << step.sigma;
    }
  }
}

TYPED_TEST_P(WeighingConformance, GivesTheSameStepTheSameWeight) {
  for (const auto& weighing : TypeParam::All()) {
    std::vector<double> first;
    for (const StepContext& step : ConformanceSteps()) first.push_back(weighing(step));
    const auto copy = weighing;
    for (std::size_t i = first.size(); i-- > 0;) {
      ASSERT_EQ(copy(ConformanceSteps()[i]), first[i]) << weighing.name();
    }
  }
}

TYPED_TEST_P(WeighingConformance, IsTheSameBehindAnyWeighing) {
  for (const auto& weighing : TypeParam::All()) {
    const AnyWeighing any(weighing);
    if (any.constant()) {
      for (const StepContext& step : ConformanceSteps()) ASSERT_EQ(any(step), any({}));
    }
    EXPECT_EQ(any.name(), std::string(weighing.name()));
    for (const StepContext& step : ConformanceSteps()) ASSERT_EQ(any(step), weighing(step));
  }
}

TYPED_TEST_P(WeighingConformance, NamesDifferentFunctionsDifferently) {
  const auto all = TypeParam::All();
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_FALSE(std::string(all[i].name()).empty());
    for (std::size_t k = 0; k < i; ++k) EXPECT_NE(all[i].name(), all[k].name());
  }
}

REGISTER_TYPED_TEST_SUITE_P(WeighingConformance, IsFiniteAndWithinItsRange,
                            GivesTheSameStepTheSameWeight, IsTheSameBehindAnyWeighing,
                            NamesDifferentFunctionsDifferently);

}  // namespace draftp::testing

#endif  // DRAFTP_SCHEDULE_WEIGHING_CONFORMANCE_H_
