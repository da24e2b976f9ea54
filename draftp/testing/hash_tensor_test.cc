#include "draftp/testing/hash_tensor.h"

#include <gtest/gtest.h>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

TEST(HashTensorTest, HasMeanZeroAndVarianceOne) {
  // 6 standard errors of 10^5 draws: 6/sqrt(1e5) = 0.019 for the mean, 6 sqrt(0.8/1e5) = 0.017 for
  // the variance.
  const at::Tensor values = HashTensor("moments", {100000});
  EXPECT_NEAR(values.mean().item<double>(), 0, 0.019);
  EXPECT_NEAR((values * values).mean().item<double>(), 1, 0.017);
  EXPECT_LE(values.abs().max().item<double>(), std::sqrt(3.0));
}

TEST(HashTensorTest, PinsItsFirstValues) {
  // As testdata/generate/unet.py gives them.
  const at::Tensor values = HashTensor("sample", {2});
  EXPECT_DOUBLE_EQ(values[0].item<double>(), 0.8338121587805817);
  EXPECT_DOUBLE_EQ(values[1].item<double>(), 0.36073962366267454);
}

TEST(HashTensorTest, DependsOnTheName) {
  EXPECT_THAT(HashTensor("a", {8}), ::testing::Not(IsCloseTo(HashTensor("b", {8}), 0.1)));
}

}  // namespace
}  // namespace draftp::testing
