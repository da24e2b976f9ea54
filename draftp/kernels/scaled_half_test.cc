// Tests of convolutions in scaled float16 against LibTorch's in float64.
#include "draftp/kernels/scaled_half.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "draftp/kernels/product.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::kernels {
namespace {

using testing::IsCloseTo;
using testing::IsEqualTo;

// Of factors of 11 bits, added up.
constexpr double kRounding = 4e-4;

at::Tensor HalfRandom(at::IntArrayRef sizes, uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kFloat);
}

at::Tensor Wide(const at::Tensor& x) { return x.to(at::kDouble); }

// A 3x3 convolution of 8 channels to 16, with what is added.
struct HalfCase {
  at::Tensor weight = HalfRandom({16, 8, 3, 3}, 1), bias = HalfRandom({16}, 2),
             residual = HalfRandom({1, 16, 10, 7}, 3).contiguous(at::MemoryFormat::ChannelsLast);
  ConvolutionShape shape{.padding = 1};

  at::Tensor InHalf(const at::Tensor& x) const {
    const Packed packed = WeightInHalf(weight);
    return Convolution(x, {{}, packed}, shape, {.bias = bias, .residual = residual});
  }
  at::Tensor Exact(const at::Tensor& x) const {
    constexpr std::array<int64_t, 2> kOne{1, 1};
    return at::conv2d(Wide(x), Wide(weight), Wide(bias), kOne, kOne) + Wide(residual);
  }
};

TEST(ScaledHalfTest, AWeightIsScaledByAPowerOfTwoAlone) {
  const at::Tensor weight = HalfRandom({16, 8, 3, 3}, 1);
  const ScaledHalf half = WeightInHalf(weight);
  EXPECT_EQ(half.values.scalar_type(), at::kHalf);
  EXPECT_THAT(Unscaled(half), IsCloseTo(weight, std::ldexp(1, -12)));
  const double longest = Wide(half.values).flatten(1).norm(2, 1).max().item<double>();
  EXPECT_GE(longest, std::sqrt(0.5));
  EXPECT_LE(longest, std::sqrt(2.0));
  for (const int shift : {-30, -7, 12, 40}) {
    const ScaledHalf shifted = WeightInHalf(weight * std::ldexp(1.0, shift));
    EXPECT_THAT(shifted.values, IsEqualTo(half.values)) << shift;
    EXPECT_EQ(shifted.exponent, half.exponent - shift);
  }
  EXPECT_EQ(WeightInHalf(at::zeros_like(weight)).exponent, 0);
}

// Weights and pictures that float16 alone would lose, or turn into infinity.
TEST(ScaledHalfTest, AConvolutionIsThatOfFloat64ToElevenBits) {
  for (const double of_weight : {1e-8, 1.0, 1e8}) {
    for (const double of_picture : {1.0, 1e5}) {
      HalfCase c;
      c.weight = c.weight * of_weight;
      const double size = of_weight * of_picture;
      c.bias = c.bias * size, c.residual = c.residual * size;
      const at::Tensor x = HalfRandom({1, 8, 10, 7}, 4) * of_picture;
      const at::Tensor y = c.InHalf(x);
      EXPECT_EQ(y.scalar_type(), at::kFloat);
      EXPECT_THAT(y, IsCloseTo(c.Exact(x), kRounding)) << of_weight << " " << of_picture;
    }
  }
}

TEST(ScaledHalfTest, APictureBeyondItsRangeIsInfinite) {
  const HalfCase c;
  at::Tensor x = HalfRandom({1, 8, 10, 7}, 4);
  x.fill_(4.1e6);
  EXPECT_TRUE(at::isfinite(PictureInHalf(x).values).all().item<bool>());
  x.fill_(4.3e6);
  EXPECT_FALSE(at::isfinite(c.InHalf(x)).any().item<bool>());
}

TEST(ScaledHalfTest, ANormedAndADoubledConvolutionAreThoseOfFloat64) {
  HalfCase c;
  const Packed packed = WeightInHalf(c.weight);
  const at::Tensor x = HalfRandom({1, 8, 10, 7}, 5) * 1e4, scale = HalfRandom({8}, 6),
                   shift = HalfRandom({8}, 7);
  EXPECT_THAT(
      NormSiluConvolution(x, {scale, shift, 4, 1e-6}, {{}, packed}, c.shape,
                          {.bias = c.bias, .residual = c.residual}),
      IsCloseTo(c.Exact(at::silu(at::group_norm(Wide(x), 4, Wide(scale), Wide(shift), 1e-6))),
                kRounding));
  c.shape.resizes = true;
  c.residual = at::zeros_like(HalfRandom({1, 16, 20, 14}, 3));
  constexpr std::array<int64_t, 2> kSize{20, 14};
  EXPECT_THAT(ResizedConvolution(x, 20, 14, {{}, packed}, c.shape, {.bias = c.bias}),
              IsCloseTo(c.Exact(at::upsample_nearest2d(Wide(x), kSize)), kRounding));
}

// Rows 3 to 6 of a convolution, or of the doubled picture's.
TEST(ScaledHalfTest, RowsAreThoseOfTheConvolution) {
  const HalfCase c;
  const Packed half = WeightInHalf(c.weight), none;
  const at::Tensor x = HalfRandom({1, 8, 10, 7}, 5);
  constexpr std::array<int64_t, 2> kOne{1, 1}, kTwice{20, 14};
  for (const bool resizes : {false, true}) {
    const at::Tensor input = resizes ? at::upsample_nearest2d(Wide(x), kTwice) : Wide(x);
    const at::Tensor rows =
        at::conv2d(input, Wide(c.weight), Wide(c.bias), kOne, kOne).narrow(2, 3, 4);
    const at::Tensor before = HalfRandom({1, 16, input.size(2), input.size(3)}, 8)
                                  .contiguous(at::MemoryFormat::ChannelsLast);
    for (const Packed* packed : {&half, &none}) {
      const ProductWeights weights{packed == &none ? c.weight : at::Tensor(), *packed};
      for (const Rows how : {Rows::kWritten, Rows::kAdded}) {
        const at::Tensor y = before.clone();
        ConvolutionRows(x, weights, {.padding = 1, .resizes = resizes}, c.bias, 3, how,
                        y.narrow(2, 3, 4));
        at::Tensor expected = Wide(before).clone();
        if (how == Rows::kWritten) expected.narrow(2, 3, 4).zero_();
        expected.narrow(2, 3, 4).add_(rows);
        EXPECT_THAT(y, IsCloseTo(expected, packed == &none ? 1e-6 : kRounding)) << resizes;
        EXPECT_THAT(y.narrow(2, 7, 3), IsEqualTo(before.narrow(2, 7, 3)));
      }
    }
  }
}

TEST(ScaledHalfTest, ServesNoGradientsAndNoMoreThanASum) {
  const HalfCase c;
  const Packed packed = WeightInHalf(c.weight);
  const at::Tensor x = HalfRandom({1, 8, 10, 7}, 4);
  EXPECT_THROW(Linear(x, {{}, packed}, {}), c10::Error);
  EXPECT_THROW(Convolution(x, {{}, packed}, c.shape, {.channels = c.bias.unsqueeze(0)}),
               c10::Error);
  x.requires_grad_();
  EXPECT_THROW(c.InHalf(x), c10::Error);
  const at::NoGradGuard no_grad;
  EXPECT_NO_THROW(c.InHalf(x));
}

}  // namespace
}  // namespace draftp::kernels
