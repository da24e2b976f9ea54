// Tests of normal draws image by image.
#include "draftp/sampling/generator_noise.h"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <vector>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

std::vector<at::Generator> Generators(std::vector<uint64_t> seeds) {
  std::vector<at::Generator> generators;
  for (const uint64_t seed : seeds) generators.push_back(internal::CpuGenerator(seed));
  return generators;
}

TEST(GeneratorNoiseTest, EachImageIsRandnOfItsGenerator) {
  std::vector<at::Generator> generators = Generators({5, 6}), same = Generators({5, 6});
  const at::Tensor noise = internal::NormalPerImage({2, 4, 3, 3}, generators, at::kFloat, at::kCPU);
  for (int64_t b = 0; b < 2; ++b) {
    EXPECT_THAT(noise.narrow(0, b, 1), IsEqualTo(at::randn({1, 4, 3, 3}, same[b], at::kFloat)));
  }
}

TEST(GeneratorNoiseTest, OneGeneratorDrawsTheImagesInOrder) {
  std::vector<at::Generator> generators = Generators({5}), same = Generators({5});
  const at::Tensor noise = internal::NormalPerImage({2, 4, 3, 3}, generators, at::kFloat, at::kCPU);
  for (int64_t b = 0; b < 2; ++b) {
    EXPECT_THAT(noise.narrow(0, b, 1), IsEqualTo(at::randn({1, 4, 3, 3}, same[0], at::kFloat)));
  }
}

TEST(GeneratorNoiseTest, TheDtypeChangesNoDraw) {
  std::vector<at::Generator> generators = Generators({5}), same = Generators({5});
  const at::Tensor noise =
      internal::NormalPerImage({1, 4, 3, 3}, generators, at::kDouble, at::kCPU);
  EXPECT_EQ(noise.scalar_type(), at::kDouble);
  EXPECT_THAT(noise, IsEqualTo(at::randn({1, 4, 3, 3}, same[0], at::kFloat).to(at::kDouble)));
}

TEST(GeneratorNoiseTest, RefusesANumberOfGeneratorsThatDoesNotFit) {
  std::vector<at::Generator> generators = Generators({5, 6});
  EXPECT_ANY_THROW(internal::NormalPerImage({3, 4, 3, 3}, generators, at::kFloat, at::kCPU));
}

}  // namespace
}  // namespace draftp::testing
