#include "draftp/model/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/triu.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::HashTensor;
using testing::IsCloseTo;

// The formula, head by head.
at::Tensor Dense(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                 bool causal) {
  const auto qs = q.chunk(heads, 2), ks = k.chunk(heads, 2), vs = v.chunk(heads, 2);
  std::vector<at::Tensor> mixed;
  for (int64_t h = 0; h < heads; ++h) {
    at::Tensor logits =
        at::matmul(qs[h], ks[h].transpose(1, 2)) / std::sqrt(static_cast<double>(qs[h].size(2)));
    if (causal)
      logits =
          logits + at::triu(at::full_like(logits, -std::numeric_limits<double>::infinity()), 1);
    mixed.push_back(at::matmul(at::softmax(logits, -1), vs[h]));
  }
  return at::cat(mixed, 2);
}

TEST(AttentionTest, FollowsItsFormulaInHeads) {
  const at::Tensor q = HashTensor("q", {2, 5, 12}), k = HashTensor("k", {2, 7, 12}),
                   v = HashTensor("v", {2, 7, 12});
  for (const int64_t heads : {1, 3, 4}) {
    EXPECT_THAT(MultiHeadAttention(q, k, v, heads), IsCloseTo(Dense(q, k, v, heads, false), 1e-13))
        << heads;
  }
}

TEST(AttentionTest, CausalSeesNoLaterPosition) {
  const at::Tensor q = HashTensor("q", {2, 5, 12}), k = HashTensor("k", {2, 5, 12}),
                   v = HashTensor("v", {2, 5, 12});
  EXPECT_THAT(MultiHeadAttention(q, k, v, 3, /*causal=*/true),
              IsCloseTo(Dense(q, k, v, 3, true), 1e-13));
}

TEST(AttentionTest, RejectsHeadsThatDoNotDivideTheChannels) {
  const at::Tensor q = HashTensor("q", {1, 2, 12});
  EXPECT_THROW(MultiHeadAttention(q, q, q, 5), c10::Error);
}

AttentionWeights AttentionLayer() {
  return {.to_q = {.weight = HashTensor("q", {8, 8}), .bias = {}},
          .to_k = {.weight = HashTensor("k", {8, 6}), .bias = {}},
          .to_v = {.weight = HashTensor("v", {8, 6}), .bias = {}},
          .to_out = {.weight = HashTensor("o", {8, 8}), .bias = HashTensor("ob", {8})},
          .heads = 2};
}

TEST(AttentionTest, ProjectsInAndOut) {
  const AttentionWeights layer = AttentionLayer();
  const at::Tensor x = HashTensor("x", {2, 5, 8}), source = HashTensor("s", {2, 3, 6});
  const at::Tensor mixed =
      Dense(at::matmul(x, layer.to_q.weight.t()), at::matmul(source, layer.to_k.weight.t()),
            at::matmul(source, layer.to_v.weight.t()), 2, false);
  EXPECT_THAT(Attend(x, ProjectKeysValues(source, layer), layer),
              IsCloseTo(at::matmul(mixed, layer.to_out.weight.t()) + layer.to_out.bias, 1e-13));
}

TEST(AttentionTest, SkeletonTakesTheWidthOfItsSource) {
  const AttentionWeights layer = AttentionSkeleton(8, 6, 2);
  EXPECT_EQ(layer.to_k.weight.sizes(), at::IntArrayRef({8, 6}));
  EXPECT_FALSE(layer.to_q.bias.defined());
  EXPECT_TRUE(layer.to_out.bias.defined());
  EXPECT_TRUE(AttentionSkeleton(8, 6, 2, /*qkv_bias=*/true).to_v.bias.defined());
}

}  // namespace
}  // namespace draftp
