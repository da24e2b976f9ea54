// Tests of the windows, and models of their concept.
#include "draftp/sampling/gradient_window.h"

#include <gtest/gtest.h>

namespace draftp::testing {
namespace {

struct SaysBool {
  bool operator()(int index, int total) const;
};
struct Changes {  // a window is asked through a const reference: its draw is made before the run
  StepAction operator()(int index, int total);
};

TEST(GradientWindowTest, ConceptIsAConstFunctionOfTheStep) {
  static_assert(GradientWindow<InferenceOnly>);
  static_assert(!GradientWindow<SaysBool>);
  static_assert(!GradientWindow<Changes>);
}

TEST(GradientWindowTest, InferenceIsTheEmptyWindow) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(InferenceOnly()(i, 4), StepAction::kNoGradient);
}

TEST(GradientWindowTest, LastKOpensKStepsBeforeTheEnd) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(LastK(2)(i, 5), i >= 3 ? StepAction::kGradient : StepAction::kNoGradient);
    EXPECT_EQ(LastK(0)(i, 5), StepAction::kNoGradient);
    EXPECT_EQ(LastK(9)(i, 5), StepAction::kGradient);
  }
}

TEST(GradientWindowTest, LastKRefusesANegativeNumber) { EXPECT_ANY_THROW(LastK(-1)); }

TEST(GradientWindowTest, StoppingKeepsTheGradientMode) {
  EXPECT_EQ(StepAction::kGradient.AndStop(), StepAction::kPredictAndStop);
  EXPECT_EQ(StepAction::kDetachedInput.AndStop().gradient, GradientMode::kDetachedInput);
  EXPECT_FALSE(StepAction::kDetachedInput == StepAction::kDetachedInput.AndStop());
}

}  // namespace
}  // namespace draftp::testing
