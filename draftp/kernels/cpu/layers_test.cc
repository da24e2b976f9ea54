// Inference layers against LibTorch's operators in float64, serial and shared out over threads.
#include "draftp/kernels/cpu/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <gtest/gtest.h>

#include <array>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::cpu {
namespace {

using testing::IsCloseTo;

constexpr double kTolerance = 1e-6;  // float32 sums of some hundred terms

at::Tensor Random(at::IntArrayRef shape) { return at::randn(shape, at::kDouble); }

class CpuLayersTest : public ::testing::Test {
 protected:
  // What the float64 operators give in `expected` and ours in float32.
  void ExpectClose(const at::Tensor& found, const at::Tensor& expected) {
    EXPECT_EQ(found.scalar_type(), at::kFloat);
    EXPECT_THAT(found.to(at::kDouble), IsCloseTo(expected, kTolerance));
  }

  const at::NoGradGuard no_grad_;
};

at::Tensor F(const at::Tensor& x) { return x.defined() ? x.to(at::kFloat) : x; }

at::Tensor Conv(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias, int64_t stride,
                int64_t padding) {
  const std::array<int64_t, 2> strides{stride, stride}, paddings{padding, padding};
  return at::conv2d(x, w, bias, strides, paddings);
}

TEST_F(CpuLayersTest, ServesFloat32OnACpuWithoutGradients) {
  EXPECT_TRUE(Serves(at::randn({1})));
  EXPECT_FALSE(Serves(at::randn({1}, at::kDouble)));
  EXPECT_FALSE(Serves(at::randn({1}, at::kMeta)));
  const at::AutoGradMode gradients(true);
  EXPECT_FALSE(Serves(at::randn({1})));
}

TEST_F(CpuLayersTest, LinearWithBiasAndResidual) {
  for (const auto& [rows, in, out] :
       {std::array<int64_t, 3>{1, 3, 5}, {35, 64, 96}, {700, 40, 33}}) {
    const at::Tensor x = Random({rows, in}), w = Random({out, in}), b = Random({out});
    const at::Tensor residual = Random({rows, out});
    const PackedWeights packed = Pack(F(w));
    ExpectClose(Linear(F(x), packed, F(b), F(residual)), at::linear(x, w, b) + residual);
    ExpectClose(Linear(F(x), packed, {}, {}), at::linear(x, w));
  }
}

TEST_F(CpuLayersTest, LinearTakesAnyLeadingDimensionsAndStrides) {
  const at::Tensor x = Random({4, 3, 6}).transpose(0, 2), w = Random({7, 4}), b = Random({7});
  ExpectClose(Linear(F(x), Pack(F(w)), F(b), {}), at::linear(x, w, b));
}

struct ConvCase {
  int64_t images, in, out, height, width, kernel, stride;
};

class CpuConvTest : public CpuLayersTest, public ::testing::WithParamInterface<ConvCase> {};

INSTANTIATE_TEST_SUITE_P(
    Shapes, CpuConvTest,
    ::testing::Values(ConvCase{1, 4, 3, 5, 7, 3, 1}, ConvCase{2, 8, 64, 16, 16, 3, 1},
                      ConvCase{3, 36, 21, 6, 10, 3, 1}, ConvCase{1, 160, 96, 32, 48, 3, 1},
                      ConvCase{3, 16, 20, 9, 6, 3, 2}, ConvCase{2, 24, 48, 33, 32, 1, 1},
                      ConvCase{1, 8, 8, 40, 41, 5, 1}));

TEST_P(CpuConvTest, ConvolutionWithAddends) {
  const ConvCase& c = GetParam();
  const int64_t padding = c.kernel / 2;
  const at::Tensor x = Random({c.images, c.in, c.height, c.width});
  const at::Tensor w = Random({c.out, c.in, c.kernel, c.kernel}), b = Random({c.images, c.out});
  const at::Tensor plain = Conv(x, w, {}, c.stride, padding), residual = Random(plain.sizes());
  const PackedWeights packed = Pack(F(w));
  const PackedWinograd winograd = c.kernel == 3 ? PackWinograd(F(w)) : PackedWinograd();
  const Convolution convolution{packed, winograd, c.stride, padding};
  ExpectClose(Conv2d(F(x), convolution, {}, {}), plain);
  ExpectClose(Conv2d(F(x), {packed, {}, c.stride, padding}, {}, {}), plain);
  ExpectClose(Conv2d(F(x), convolution, F(b), F(residual)),
              plain + b.unsqueeze(-1).unsqueeze(-1) + residual);
  ExpectClose(Conv2d(F(x), convolution, F(b[0]), {}), plain + b[0].unsqueeze(-1).unsqueeze(-1));
}

TEST_P(CpuConvTest, ConvolutionOfNormalisedInput) {
  const ConvCase& c = GetParam();
  const int64_t padding = c.kernel / 2, groups = 4;
  const at::Tensor x = 3 + Random({c.images, c.in, c.height, c.width});
  const at::Tensor w = Random({c.out, c.in, c.kernel, c.kernel}), b = Random({c.out});
  const at::Tensor scale = Random({c.in}), shift = Random({c.in});
  const at::Tensor scale32 = F(scale), shift32 = F(shift);
  const PackedWeights packed = Pack(F(w));
  ExpectClose(
      NormSiluConv2d(F(x), {scale32, shift32, groups, 1e-5}, {packed, {}, c.stride, padding}, F(b),
                     {}),
      Conv(at::silu(at::group_norm(x, groups, scale, shift, 1e-5)), w, b, c.stride, padding));
}

// One picture is normalised by several threads at once, three pictures by one thread each.
TEST_F(CpuLayersTest, GroupNormOfOneAndOfSeveralPictures) {
  for (const int64_t images : {1, 3}) {
    const at::Tensor x = Random({images, 12, 50, 51}) * 2 - 100;
    const at::Tensor scale = Random({12}), shift = Random({12});
    const at::Tensor scale32 = F(scale), shift32 = F(shift);
    const at::Tensor expected = at::group_norm(F(x).to(at::kDouble), 3, scale, shift, 1e-6);
    const Norm norm{scale32, shift32, 3, 1e-6};
    EXPECT_THAT(GroupNorm(F(x), norm, false).to(at::kDouble), IsCloseTo(expected, 1e-5));
    EXPECT_THAT(GroupNorm(F(x), norm, true).to(at::kDouble), IsCloseTo(at::silu(expected), 1e-5));
  }
}

TEST_F(CpuLayersTest, LayerNormOverTheLastDimension) {
  const at::Tensor x = Random({2, 77, 40}), w = Random({40}), b = Random({40});
  const at::Tensor w32 = F(w), b32 = F(b);
  const std::array<int64_t, 1> shape{40};
  ExpectClose(LayerNorm(F(x), {w32, b32, 0, 1e-5}), at::layer_norm(x, shape, w, b, 1e-5));
}

TEST_F(CpuLayersTest, UpsamplingIsAConvolutionOfTheDoubledPicture) {
  for (const auto& [images, height, width] :
       {std::array<int64_t, 3>{1, 1, 1}, {2, 5, 4}, {1, 24, 31}}) {
    const at::Tensor x = Random({images, 6, height, width}), w = Random({10, 6, 3, 3});
    const at::Tensor b = Random({10});
    const std::array<int64_t, 2> doubled{2 * height, 2 * width};
    ExpectClose(UpsampleConv2d(F(x), PackUpsampling(F(w)), F(b)),
                Conv(at::upsample_nearest2d(x, doubled), w, b, 1, 1));
  }
}

TEST_F(CpuLayersTest, GatedGeluMultipliesTheHalves) {
  const at::Tensor x = Random({3, 40, 26});
  const auto halves = x.chunk(2, -1);
  ExpectClose(GatedGelu(F(x)), halves[0] * at::gelu(halves[1]));
}

TEST_F(CpuLayersTest, AttentionOfSeveralHeads) {
  for (const bool causal : {false, true}) {
    for (const int64_t heads : {1, 4}) {
      const int64_t tokens = 210, source = causal ? tokens : 77;
      const at::Tensor q = Random({2, tokens, 32}), k = Random({2, source, 32});
      const at::Tensor v = Random({2, source, 32});
      const auto split = [heads](const at::Tensor& x) {
        return x.view({x.size(0), x.size(1), heads, 32 / heads}).transpose(1, 2);
      };
      const at::Tensor expected =
          at::scaled_dot_product_attention(split(q), split(k), split(v), {}, 0.0, causal);
      ExpectClose(Attention(F(q), F(k), F(v), heads, causal),
                  expected.transpose(1, 2).reshape({2, tokens, 32}));
    }
  }
}

TEST_F(CpuLayersTest, RefusesInputOfAnotherWidth) {
  const PackedWeights packed = Pack(at::randn({4, 6}));
  EXPECT_THROW(Linear(at::randn({2, 5}), packed, {}, {}), c10::Error);
  const PackedWeights conv = Pack(at::randn({4, 6, 3, 3}));
  EXPECT_THROW(Conv2d(at::randn({1, 5, 4, 4}), {conv, {}, 1, 1}, {}, {}), c10::Error);
}

}  // namespace
}  // namespace draftp::cpu
