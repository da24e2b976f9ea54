#include "draftp/model/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::HashTensor;
using testing::IsCloseTo;
using testing::IsEqualTo;

LinearWeights Layer() {
  LinearWeights layer{.weight = HashTensor("w", {3, 4}), .bias = HashTensor("b", {3})};
  SetLora(layer.adapters, 0,
          {.a = HashTensor("a0", {2, 4}), .b = HashTensor("b0", {3, 2}), .scale = 0.5});
  SetLora(layer.adapters, 2,
          {.a = HashTensor("a2", {1, 4}), .b = HashTensor("b2", {3, 1}), .scale = 2.0});
  return layer;
}

// W x + b + sum of scales * B A x, for one row.
at::Tensor Dense(const at::Tensor& x, const LinearWeights& layer, const AdapterRows& on) {
  at::Tensor weight = layer.weight;
  for (const AdapterRange& range : on) {
    const LoraLayer& lora = *layer.adapters[range.adapter];
    weight = weight + range.scale * lora.scale * at::matmul(lora.b, lora.a);
  }
  return at::matmul(x, weight.t()) + layer.bias;
}

TEST(LinearTest, SkeletonHasShapesButNoStorage) {
  const LinearWeights layer = LinearSkeleton(4, 3);
  EXPECT_TRUE(layer.weight.is_meta());
  EXPECT_EQ(layer.weight.sizes(), at::IntArrayRef({3, 4}));
  EXPECT_EQ(layer.bias.sizes(), at::IntArrayRef({3}));
  EXPECT_FALSE(LinearSkeleton(4, 3, /*bias=*/false).bias.defined());
}

TEST(LinearTest, EachRangeChangesItsOwnRowsAlone) {
  const LinearWeights layer = Layer();
  const at::Tensor x = HashTensor("x", {5, 6, 4});
  const AdapterRange first{.adapter = 0, .begin = 1, .end = 3},
      second{.adapter = 2, .begin = 2, .scale = 0.25};
  const at::Tensor y = Linear(x, layer, {first, second});
  EXPECT_THAT(y[0], IsCloseTo(Dense(x[0], layer, {}), 1e-14));
  EXPECT_THAT(y[1], IsCloseTo(Dense(x[1], layer, {first}), 1e-14));
  EXPECT_THAT(y[2], IsCloseTo(Dense(x[2], layer, {first, second}), 1e-14));
  EXPECT_THAT(y[4], IsCloseTo(Dense(x[4], layer, {second}), 1e-14));
}

TEST(LinearTest, ARangeOfAllRowsEqualsTheDenseProduct) {
  const LinearWeights layer = Layer();
  const at::Tensor x = HashTensor("x", {5, 4});
  EXPECT_THAT(Linear(x, layer, OnAllRows(0)), IsCloseTo(Dense(x, layer, OnAllRows(0)), 1e-14));
}

TEST(LinearTest, AdaptersThatTheLayerLacksAndEmptyRangesAddNothing) {
  const LinearWeights layer = Layer();
  const at::Tensor x = HashTensor("x", {5, 4});
  EXPECT_THAT(
      Linear(x, layer, {{.adapter = 1}, {.adapter = 7}, {.adapter = 0, .begin = 2, .end = 2}}),
      IsEqualTo(Linear(x, layer)));
}

TEST(LinearTest, GradientsOfARangeEqualThoseOfItsRowsAlone) {
  LinearWeights layer = Layer();
  at::Tensor x = HashTensor("x", {5, 4}).requires_grad_();
  const at::Tensor a = layer.adapters[0]->a.requires_grad_(),
                   b = layer.adapters[0]->b.requires_grad_();
  const AdapterRows rows{{.adapter = 0, .begin = 1, .end = 3}};
  const at::Tensor r = HashTensor("r", {5, 3});
  const auto found = torch::autograd::grad({(Linear(x, layer, rows) * r).sum()}, {x, a, b});
  at::Tensor y = at::matmul(x, layer.weight.t()) + layer.bias;
  at::Tensor delta = 0.5 * at::matmul(at::matmul(x.narrow(0, 1, 2), a.t()), b.t());
  const at::Tensor objective = (y * r).sum() + (delta * r.narrow(0, 1, 2)).sum();
  const auto expected = torch::autograd::grad({objective}, {x, a, b});
  for (int i = 0; i < 3; ++i) EXPECT_THAT(found[i], IsCloseTo(expected[i], 1e-13)) << i;
}

TEST(LinearTest, Float32FactorsServeABFloat16LayerAndGetFloat32Gradients) {
  LinearWeights layer = Layer();
  layer.weight = layer.weight.to(at::kBFloat16);
  layer.bias = layer.bias.to(at::kBFloat16);
  at::Tensor& b = layer.adapters[0]->b;
  b = b.to(at::kFloat).detach().requires_grad_();
  const at::Tensor y = Linear(HashTensor("x", {5, 4}).to(at::kBFloat16), layer, OnAllRows(0));
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  y.sum().backward();
  EXPECT_EQ(b.grad().scalar_type(), at::kFloat);
}

TEST(LinearTest, RejectsARangeBeyondTheBatch) {
  EXPECT_THROW(Linear(HashTensor("x", {5, 4}), Layer(), {{.adapter = 0, .begin = 0, .end = 6}}),
               c10::Error);
}

}  // namespace
}  // namespace draftp
