#include "draftp/model/time_embedding.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::HashTensor;
using testing::IsCloseTo;

TEST(TimeEmbeddingTest, SinusoidsFollowTheirFormula) {
  const at::Tensor embedding =
      SinusoidalEmbedding(at::tensor({3.0, 0.5}), 8, {.flip_sin_to_cos = true, .freq_shift = 1});
  ASSERT_EQ(embedding.sizes(), at::IntArrayRef({2, 8}));
  for (int i = 0; i < 4; ++i) {
    const double angle = 3.0 * std::pow(10000.0, -i / 3.0);
    EXPECT_NEAR(embedding[0][i].item<double>(), std::cos(angle), 1e-6) << i;
    EXPECT_NEAR(embedding[0][4 + i].item<double>(), std::sin(angle), 1e-6) << i;
  }
}

TEST(TimeEmbeddingTest, SinesComeFirstUnlessFlipped) {
  const at::Tensor values = at::tensor({3.0, 0.5});
  const at::Tensor flipped = SinusoidalEmbedding(values, 8, {.flip_sin_to_cos = true});
  const at::Tensor plain = SinusoidalEmbedding(values, 8, {.flip_sin_to_cos = false});
  EXPECT_THAT(plain.narrow(1, 0, 4), testing::IsEqualTo(flipped.narrow(1, 4, 4)));
  EXPECT_THAT(plain.narrow(1, 4, 4), testing::IsEqualTo(flipped.narrow(1, 0, 4)));
}

TEST(TimeEmbeddingTest, OddDimensionEndsWithZero) {
  const at::Tensor embedding = SinusoidalEmbedding(at::tensor({3.0}), 5, {});
  EXPECT_EQ(embedding.sizes(), at::IntArrayRef({1, 5}));
  EXPECT_EQ(embedding[0][4].item<double>(), 0);
}

TEST(TimeEmbeddingTest, IsFloat32WhateverTheValuesAre) {
  EXPECT_EQ(SinusoidalEmbedding(at::tensor({3.0}, at::kDouble), 4, {}).scalar_type(), at::kFloat);
  EXPECT_EQ(SinusoidalEmbedding(at::tensor({3}, at::kLong), 4, {}).scalar_type(), at::kFloat);
}

TEST(TimeEmbeddingTest, RejectsAShiftOfAllFrequencies) {
  EXPECT_THROW(SinusoidalEmbedding(at::tensor({3.0}), 4, {.freq_shift = 2}), c10::Error);
}

TEST(TimeEmbeddingTest, PerceptronFollowsItsFormula) {
  EmbeddingMlpWeights mlp = EmbeddingMlpSkeleton(3, 5);
  EXPECT_EQ(mlp.linear_2.weight.sizes(), at::IntArrayRef({5, 5}));
  mlp = {.linear_1 = {.weight = HashTensor("1", {5, 3}), .bias = HashTensor("b1", {5})},
         .linear_2 = {.weight = HashTensor("2", {5, 5}), .bias = HashTensor("b2", {5})}};
  const at::Tensor x = HashTensor("x", {2, 3});
  const at::Tensor h = at::matmul(x, mlp.linear_1.weight.t()) + mlp.linear_1.bias;
  EXPECT_THAT(
      EmbeddingMlp(x, mlp),
      IsCloseTo(at::matmul(h / (1 + at::exp(-h)), mlp.linear_2.weight.t()) + mlp.linear_2.bias,
                1e-14));
}

}  // namespace
}  // namespace draftp
