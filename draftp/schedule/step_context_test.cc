// Tests of the step's context.
#include "draftp/schedule/step_context.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace draftp {
namespace {

TEST(StepContextTest, TakesNeighbouringNoiseLevels) {
  const std::vector<double> sigmas = {14.5, 2.0, 0.0};
  const StepContext last = StepAt(sigmas, 1);
  EXPECT_EQ(last.index, 1);
  EXPECT_EQ(last.total, 2);
  EXPECT_EQ(last.sigma, 2.0);
  EXPECT_EQ(last.sigma_next, 0.0);
}

TEST(StepContextTest, RejectsAnIndexOutsideTheRun) {
  const std::vector<double> sigmas = {14.5, 2.0, 0.0};
  EXPECT_THROW(StepAt(sigmas, -1), std::out_of_range);
  EXPECT_THROW(StepAt(sigmas, 2), std::out_of_range);
  EXPECT_THROW(StepAt({}, 0), std::out_of_range);
}

}  // namespace
}  // namespace draftp
