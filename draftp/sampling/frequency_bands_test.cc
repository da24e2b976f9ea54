#include "draftp/sampling/frequency_bands.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using Image = std::vector<std::vector<double>>;

// The filter's definition in two dimensions: outer product of (1,4,6,4,1)/16, border reflected.
Image BlurredByDefinition(const Image& x) {
  constexpr double kTaps[] = {1, 4, 6, 4, 1};
  const int height = static_cast<int>(x.size()), width = static_cast<int>(x[0].size());
  const auto reflect = [](int i, int n) { return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i; };
  Image blurred(height, std::vector<double>(width, 0.0));
  for (int i = 0; i < height; ++i) {
    for (int j = 0; j < width; ++j) {
      for (int a = -2; a <= 2; ++a) {
        for (int b = -2; b <= 2; ++b)
          blurred[i][j] +=
              kTaps[a + 2] * kTaps[b + 2] / 256 * x[reflect(i + a, height)][reflect(j + b, width)];
      }
    }
  }
  return blurred;
}

// Bilinear interpolation between the centres of pixels.
Image ResizedByDefinition(const Image& x, int height, int width) {
  const auto place = [](int i, int to, std::size_t from) {
    const double at = std::clamp((i + 0.5) * double(from) / to - 0.5, 0.0, double(from) - 1);
    const int low = static_cast<int>(at), high = std::min(low + 1, static_cast<int>(from) - 1);
    return std::tuple(low, high, at - low);
  };
  Image resized(height, std::vector<double>(width));
  for (int i = 0; i < height; ++i) {
    for (int j = 0; j < width; ++j) {
      const auto [top, bottom, v] = place(i, height, x.size());
      const auto [left, right, u] = place(j, width, x[0].size());
      resized[i][j] = (1 - v) * ((1 - u) * x[top][left] + u * x[top][right]) +
                      v * ((1 - u) * x[bottom][left] + u * x[bottom][right]);
    }
  }
  return resized;
}

at::Tensor FrequencyImages(int64_t height, int64_t width) {
  return (at::linspace(0, 40, 6 * height * width, at::kDouble).square() / 9)
      .sin()
      .view({2, 3, height, width});
}

TEST(FrequencyBandsTest, EqualTheDefinitionOfEvenAndOddSizes) {
  for (const auto& [height, width] : {std::pair{8, 8}, {6, 10}, {7, 5}, {3, 4}}) {
    const at::Tensor x = FrequencyImages(height, width), low = LowFrequencies(x);
    ASSERT_EQ(low.sizes(), x.sizes());
    for (int64_t image = 0; image < 2; ++image) {
      for (int64_t channel = 0; channel < 3; ++channel) {
        Image plain(height, std::vector<double>(width));
        for (int i = 0; i < height; ++i) {
          for (int j = 0; j < width; ++j) plain[i][j] = x[image][channel][i][j].item<double>();
        }
        const Image half = ResizedByDefinition(BlurredByDefinition(plain), height / 2, width / 2);
        const Image expected = BlurredByDefinition(ResizedByDefinition(half, height, width));
        for (int i = 0; i < height; ++i) {
          for (int j = 0; j < width; ++j)
            EXPECT_NEAR(low[image][channel][i][j].item<double>(), expected[i][j], 1e-14);
        }
      }
    }
  }
}

TEST(FrequencyBandsTest, KeepAConstantAndLoseACheckerboard) {
  EXPECT_THAT(LowFrequencies(at::full({1, 2, 8, 6}, 0.7, at::kDouble)),
              IsCloseTo(at::full({1, 2, 8, 6}, 0.7, at::kDouble), 1e-15));
  const at::Tensor line = at::ones({8}, at::kDouble);
  line.slice(0, 1, 8, 2).fill_(-1);
  const at::Tensor board = (line.view({8, 1}) * line).view({1, 1, 8, 8});
  EXPECT_LT(LowFrequencies(board).abs().max().item<double>(), 1e-15);
}

// Pictures of 8 pixels have latents of one.
TEST(FrequencyBandsTest, SidesThatHaveNothingToReflectRepeatTheirEdge) {
  for (const auto& [height, width] : {std::pair{1, 1}, {2, 2}, {1, 6}, {2, 3}}) {
    const at::Tensor flat = at::full({1, 1, height, width}, 0.3, at::kDouble);
    EXPECT_THAT(LowFrequencies(flat), IsCloseTo(flat, 1e-15));
  }
}

}  // namespace
}  // namespace draftp::testing
