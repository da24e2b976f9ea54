// Tests that one include gives the loop and its members.
#include "draftp/sampling/sampling.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace draftp {
namespace {

TEST(SamplingTest, OneIncludeRunsATrajectory) {
  const std::vector<double> sigmas = {2.0, 1.0, 0.0};
  const auto zero = [](const at::Tensor& x, double, const StepContext&) { return x * 0.0; };
  const std::vector<int64_t> images = {0};
  PerImageNoise noise(/*seed=*/1, images);
  // Data at 0, where the last step ends.
  const at::Tensor x =
      RunTrajectory(sigmas, zero, EulerEdm(), InferenceOnly(), at::ones({1, 1, 2, 2}), noise);
  EXPECT_EQ(x.abs().max().item<float>(), 0.0F);
}

}  // namespace
}  // namespace draftp
