// Tests of ReFL's window.
#include "draftp/sampling/predict_at.h"

#include <gtest/gtest.h>

namespace draftp::testing {
namespace {

TEST(PredictAtTest, StopsWithAPredictionAtItsStep) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(PredictAt(3)(i, 5), StepAction::kNoGradient);
  EXPECT_EQ(PredictAt(3)(3, 5), StepAction::kPredictAndStop);
}

TEST(PredictAtTest, RefusesAStepThatTheRunLacks) {
  EXPECT_ANY_THROW(PredictAt(-1));
  EXPECT_ANY_THROW(PredictAt(5)(0, 5));
}

}  // namespace
}  // namespace draftp::testing
