// Tests of the original's noise stream against PyTorch's generator.
#include "draftp/sampling/original_noise.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <string>

#include "draftp/sampling/golden.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

constexpr double kRounding = 1e-6;  // as in per_image_noise_test.cc

// Upstream draws the batch at once; then the rank's stream goes on.
TEST(OriginalNoiseTest, IsTheRanksStream) {
  for (int i = 0; i < 3; ++i) {
    const std::string of = "/noise/original/" + std::to_string(i);
    OriginalNoise noise(1243, static_cast<int64_t>(GoldenNumber(of + "/rank")));
    const at::Tensor batch = noise.Initial({2, 4, 2, 2});
    EXPECT_THAT(batch, IsCloseTo(GoldenTensor(of + "/batch", {2, 4, 2, 2}), kRounding));
    EXPECT_THAT(noise.Like(batch.narrow(0, 0, 1)),
                IsCloseTo(GoldenTensor(of + "/following", {1, 4, 2, 2}), kRounding));
  }
}

TEST(OriginalNoiseTest, SeedIsTheOriginals) {
  EXPECT_EQ(OriginalNoiseSeed(1243, 0), 1243u);
  EXPECT_EQ(OriginalNoiseSeed(1243, 3), 1243u + 3 * 1247837u);
  EXPECT_EQ(OriginalNoiseSeed(1243, 4000), (1243u + 4000ull * 1247837u) % 4294967295ull);
  EXPECT_EQ(OriginalNoiseSeed(4294967295ull, 0), 0u);
  EXPECT_EQ(OriginalNoiseSeed(4294967290ull, 1), 1247837u - 5);
}

// (2^64 - 1 + 1247837) mod (2^32 - 1) = 1247837, as 2^64 - 1 is a multiple of 2^32 - 1.
TEST(OriginalNoiseTest, SeedOfSixtyFourBitsDoesNotOverflow) {
  EXPECT_EQ(OriginalNoiseSeed(~uint64_t{0}, 1), 1247837u);
}

TEST(OriginalNoiseTest, DoesNotDependOnTheBatchSize) {
  OriginalNoise pairs(7), singles(7);
  const at::Tensor pair = pairs.Initial({2, 4, 3, 3});
  EXPECT_THAT(pair.narrow(0, 0, 1), IsEqualTo(singles.Initial({1, 4, 3, 3})));
  EXPECT_THAT(pair.narrow(0, 1, 1), IsEqualTo(singles.Initial({1, 4, 3, 3})));
}

TEST(OriginalNoiseTest, RefusesANegativeRank) { EXPECT_ANY_THROW(OriginalNoise(7, -1)); }

}  // namespace
}  // namespace draftp::testing
