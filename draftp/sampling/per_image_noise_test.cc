// Tests of per-image noise against PyTorch's generator.
#include "draftp/sampling/per_image_noise.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/sampling/golden.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

// PyTorch's normal transform rounds differently with and without AVX2; the draws themselves are the
// same.
constexpr double kNoiseRounding = 1e-6;

at::Tensor Draw(const std::string& of, int draw) {
  return GoldenTensor("/noise/" + of + "/draws/" + std::to_string(draw), {1, 4, 3, 3});
}

// Pins the values and, by what follows the first draw, the number of draws.
TEST(PerImageNoiseTest, IsPyTorchsGeneratorSeededByTheImage) {
  PerImageNoise noise(1243, std::vector<int64_t>{0, 7});
  const at::Tensor initial = noise.Initial({2, 4, 3, 3});
  EXPECT_EQ(initial.scalar_type(), at::kFloat);
  const at::Tensor second = noise.Like(initial),
                   third = noise.Like(at::zeros({2, 4, 3, 3}, at::kDouble));
  EXPECT_EQ(third.scalar_type(), at::kDouble);
  for (int64_t b = 0; b < 2; ++b) {
    const std::string of = "per_image/" + std::to_string(b);
    EXPECT_THAT(initial.narrow(0, b, 1), IsCloseTo(Draw(of, 0), kNoiseRounding));
    EXPECT_THAT(second.narrow(0, b, 1), IsCloseTo(Draw(of, 1), kNoiseRounding));
    EXPECT_THAT(third.narrow(0, b, 1), IsCloseTo(Draw(of, 2), kNoiseRounding));
  }
}

TEST(PerImageNoiseTest, SeedsWrapAtSixtyFourBits) {
  PerImageNoise noise(~uint64_t{0}, std::vector<int64_t>{3});
  EXPECT_THAT(noise.Initial({1, 4, 3, 3}), IsCloseTo(Draw("wrapped", 0), kNoiseRounding));
}

TEST(PerImageNoiseTest, DependsOnNeitherBatchNorOrder) {
  PerImageNoise batch(9, std::vector<int64_t>{4, 2, 11}), alone(9, std::vector<int64_t>{11});
  const at::Tensor together = batch.Initial({3, 4, 3, 3}), single = alone.Initial({1, 4, 3, 3});
  EXPECT_THAT(together.narrow(0, 2, 1), IsEqualTo(single));
  EXPECT_THAT(batch.Like(together).narrow(0, 2, 1), IsEqualTo(alone.Like(single)));
}

TEST(PerImageNoiseTest, MadeAnewItIsTheSame) {
  PerImageNoise one(9, std::vector<int64_t>{4}), other(9, std::vector<int64_t>{4});
  EXPECT_THAT(one.Initial({1, 4, 3, 3}), IsEqualTo(other.Initial({1, 4, 3, 3})));
}

TEST(PerImageNoiseTest, RefusesAnotherBatchSize) {
  PerImageNoise noise(9, std::vector<int64_t>{4, 5});
  EXPECT_ANY_THROW(noise.Initial({1, 4, 3, 3}));
  EXPECT_ANY_THROW(noise.Like(at::zeros({3, 4, 3, 3})));
}

TEST(PerImageNoiseTest, RefusesANegativeIndex) {
  EXPECT_ANY_THROW(PerImageNoise(9, std::vector<int64_t>{-1}));
}

}  // namespace
}  // namespace draftp::testing
