#include "draftp/sampling/model_outputs.h"

#include <gtest/gtest.h>

#include <array>

namespace draftp::testing {
namespace {

TEST(ModelOutputsTest, TheBaseHasWhatTheWeightsLeave) {
  EXPECT_EQ(BaseWeight({}), 1.0);
  EXPECT_EQ(BaseWeight(std::array{0.25}), 0.75);
  EXPECT_EQ(BaseWeight(std::array{1.5}), -0.5);
  EXPECT_NE(1.0 - 0.7 - 0.2 - 0.1, 0.0);
  EXPECT_EQ(BaseWeight(std::array{0.7, 0.2, 0.1}), 0.0);
  EXPECT_NE(BaseWeight(std::array{1.0 - 1e-13}), 0.0);  // one weight as it is typed
}

}  // namespace
}  // namespace draftp::testing
