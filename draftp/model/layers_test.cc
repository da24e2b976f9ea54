#include "draftp/model/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::HashTensor;
using testing::IsCloseTo;

NormWeights Norm(int64_t channels, int64_t groups) {
  return {.weight = HashTensor("w", {channels}),
          .bias = HashTensor("b", {channels}),
          .groups = groups,
          .eps = 0.1};
}

// (x - mean) / sqrt(biased variance + eps) over the last dimension.
at::Tensor Normalised(const at::Tensor& x, double eps) {
  const at::Tensor centred = x - x.mean(-1, true);
  return centred / ((centred * centred).mean(-1, true) + eps).sqrt();
}

TEST(LayersTest, GroupNormFollowsItsFormula) {
  const at::Tensor x = HashTensor("x", {2, 6, 3, 5});
  const NormWeights norm = Norm(6, 2);
  const at::Tensor expected =
      Normalised(x.reshape({2, 2, 45}), 0.1).view({2, 6, 3, 5}) * norm.weight.view({6, 1, 1}) +
      norm.bias.view({6, 1, 1});
  EXPECT_THAT(GroupNorm(x, norm), IsCloseTo(expected, 1e-13));
  EXPECT_THAT(GroupNorm(x.contiguous(at::MemoryFormat::ChannelsLast), norm),
              IsCloseTo(expected, 1e-13));
  EXPECT_THAT(GroupNormSilu(x, norm), IsCloseTo(expected / (1 + at::exp(-expected)), 1e-13));
}

TEST(LayersTest, LayerNormFollowsItsFormula) {
  const at::Tensor x = HashTensor("x", {2, 3, 6});
  const NormWeights norm = Norm(6, 0);
  EXPECT_THAT(LayerNorm(x, norm), IsCloseTo(Normalised(x, 0.1) * norm.weight + norm.bias, 1e-13));
}

TEST(LayersTest, SiluIsXTimesItsSigmoid) {
  const at::Tensor x = HashTensor("x", {7});
  EXPECT_THAT(Silu(x), IsCloseTo(x / (1 + at::exp(-x)), 1e-14));
}

TEST(LayersTest, SkeletonOfAConvolutionKeepsTheSizeAtStrideOne) {
  const ConvWeights conv = ConvSkeleton(3, 4, 5);
  EXPECT_EQ(conv.weight.sizes(), at::IntArrayRef({4, 3, 5, 5}));
  EXPECT_EQ(conv.padding, 2);
  EXPECT_TRUE(conv.weight.is_meta());
  EXPECT_FALSE(ConvSkeleton(3, 4, 1, 1, /*bias=*/false).bias.defined());
}

ConvWeights Convolution() {
  ConvWeights conv{.weight = HashTensor("w", {4, 3, 3, 3}),
                   .bias = HashTensor("b", {4}),
                   .stride = 2,
                   .padding = 1};
  SetLora(conv.adapters, 0,
          {.a = HashTensor("a", {2, 3, 3, 3}), .b = HashTensor("c", {4, 2, 1, 1}), .scale = 0.5});
  return conv;
}

// An adapter is the convolution whose kernel is B A.
TEST(LayersTest, AdapterOfAConvolutionChangesItsRowsAlone) {
  const ConvWeights conv = Convolution();
  const LoraLayer& lora = *conv.adapters[0];
  const at::Tensor x = HashTensor("x", {3, 3, 6, 8});
  ConvWeights merged = conv;
  merged.weight =
      conv.weight + 0.5 * at::matmul(lora.b.flatten(1), lora.a.flatten(1)).view({4, 3, 3, 3});
  const at::Tensor y = Conv2d(x, conv, {{.adapter = 0, .begin = 1, .end = 2}});
  EXPECT_EQ(y.sizes(), at::IntArrayRef({3, 4, 3, 4}));
  EXPECT_THAT(y[0], IsCloseTo(Conv2d(x, conv)[0], 1e-14));
  EXPECT_THAT(y[1], IsCloseTo(Conv2d(x, merged)[1], 1e-13));
  EXPECT_THAT(y[2], IsCloseTo(Conv2d(x, conv)[2], 1e-14));
  EXPECT_THAT(Conv2d(x, conv, OnAllRows(0)), IsCloseTo(Conv2d(x, merged), 1e-13));
}

TEST(LayersTest, ResizeConvolutionSeesRepeatedPixels) {
  const at::Tensor x = HashTensor("x", {1, 2, 2, 3});
  ConvWeights conv = ConvSkeleton(2, 5, 3);
  conv.weight = HashTensor("w", {5, 2, 3, 3});
  conv.bias = HashTensor("b", {5});
  EXPECT_THAT(ResizeConv2d(x, 4, 6, conv),
              IsCloseTo(Conv2d(x.repeat_interleave(2, 2).repeat_interleave(2, 3), conv), 1e-14));
  EXPECT_EQ(ResizeConv2d(x, 3, 5, conv).sizes(), at::IntArrayRef({1, 5, 3, 5}));
}

TEST(LayersTest, AddendsAreAddedToEveryPixelAndPixelwise) {
  const at::Tensor x = HashTensor("x", {2, 4, 3, 3}), pixels = HashTensor("p", {2, 4, 3, 3});
  const at::Tensor channels = HashTensor("c", {2, 4});
  ConvWeights conv = ConvSkeleton(4, 4, 3);
  conv.weight = HashTensor("w", {4, 4, 3, 3});
  conv.bias = HashTensor("b", {4});
  const at::Tensor added = channels.unsqueeze(-1).unsqueeze(-1) + pixels;
  EXPECT_THAT(Conv2d(x, conv, {}, {.channels = channels, .pixels = pixels}),
              IsCloseTo(Conv2d(x, conv) + added, 1e-14));
  const NormWeights norm{
      .weight = HashTensor("s", {4}), .bias = HashTensor("t", {4}), .groups = 2, .eps = 1e-5};
  EXPECT_THAT(NormSiluConv2d(x, norm, conv, {}, {.channels = channels, .pixels = pixels}),
              IsCloseTo(Conv2d(GroupNormSilu(x, norm), conv) + added, 1e-14));
}

}  // namespace
}  // namespace draftp
