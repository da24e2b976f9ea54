// Tests that one include trains a denoiser by DRaFT+.
#include "draftp/objective/objectives.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "draftp/sampling/sampling.h"

namespace draftp {
namespace {

// Denoises to its one parameter: after the last step x is that, whatever the noise.
struct ConstantDenoiser {
  at::Tensor parameter;
  at::Tensor operator()(const at::Tensor& x, double, const StepContext&) const {
    return x * 0.0 + parameter;
  }
};

TEST(ObjectivesTest, OneIncludeTrainsADenoiser) {
  ConstantDenoiser tuned{at::full({}, 0.5).requires_grad_()}, base{at::full({}, 0.25)};
  const std::vector<double> sigmas = {2.0, 1.0, 0.0};
  const std::vector<int64_t> images = {0};
  PerImageNoise noise(/*seed=*/1, images);
  GaussianKl kl(base);
  Rollout rollout(sigmas, tuned, EulerEdm(), at::ones({1, 3, 2, 2}), noise, kl);
  StepRandom random(/*seed=*/1, /*step=*/0, "test");
  const auto decode = [](const at::Tensor& x) { return DecodedImage{x, at::zeros({})}; };
  const DraftLoss loss = ComputeDraftLoss(
      DraftK(1), rollout, random, kl, /*kl_coefficient=*/0.1, decode,
      [](const at::Tensor& pixels) { return pixels.mean({1, 2, 3}); }, [](const char*) {});
  loss.loss.backward();
  // reward = p; KL = (p - 1/4)^2 at sigma 1: d/dp (-p + KL / 10) = -1 + (p - 1/4) / 5.
  EXPECT_FLOAT_EQ(loss.rewards.item<float>(), 0.5F);
  EXPECT_FLOAT_EQ(loss.kl.item<float>(), 0.0625F);
  EXPECT_FLOAT_EQ(tuned.parameter.grad().item<float>(), -0.95F);
}

}  // namespace
}  // namespace draftp
