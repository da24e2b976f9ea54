#include "draftp/model/transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/erf.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "draftp/model/unet_fixture.h"
#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

const TransformerOptions kOptions{
    .depth = 2, .context = 6, .heads = 2, .groups = 4, .first_cross_index = 3};

TransformerWeights Weights(TransformerOptions options = kOptions) {
  TransformerWeights weights = TransformerSkeleton(8, options);
  VisitWeights("transformer", weights, FormulaWeights(OnCpu(at::kDouble)));
  return weights;
}

TEST(TransformerTest, FeedForwardGatesWithTheExactGelu) {
  const FeedForwardWeights ff{
      .proj = {.weight = HashTensor("p", {8, 3}), .bias = HashTensor("pb", {8})},
      .out = {.weight = HashTensor("o", {3, 4}), .bias = HashTensor("ob", {3})}};
  const at::Tensor x = HashTensor("x", {2, 5, 3});
  const auto halves = Linear(x, ff.proj).chunk(2, -1);
  const at::Tensor gelu = halves[1] * (1 + at::erf(halves[1] / std::sqrt(2.0))) / 2;
  EXPECT_THAT(FeedForward(x, ff), IsCloseTo(Linear(halves[0] * gelu, ff.out), 1e-14));
}

TEST(TransformerTest, NumbersItsAttentionsToThePrompt) {
  TransformerOptions options = kOptions;
  EXPECT_EQ(options.cross_attentions(), 2);
  EXPECT_EQ(Weights(options).blocks[1].attn2.cross_index, 4);
  EXPECT_EQ(Weights(options).blocks[1].attn1.cross_index, -1);
  options.only_cross_attention = true;
  EXPECT_EQ(options.cross_attentions(), 4);
  EXPECT_EQ(Weights(options).blocks[1].attn1.cross_index, 5);
  EXPECT_EQ(Weights(options).blocks[1].attn2.cross_index, 6);
}

TEST(TransformerTest, BlockUsesPreparedKeysAndValuesOfItsIndex) {
  const TransformerWeights weights = Weights();
  const at::Tensor tokens = HashTensor("t", {2, 9, 8});
  Prompt prompt{.context = HashTensor("c", {2, 5, 6}), .keys_values = {}};
  const at::Tensor plain = TransformerBlock(tokens, prompt, weights.blocks[1]);
  prompt.keys_values.resize(5);
  prompt.keys_values[4] = ProjectKeysValues(prompt.context, weights.blocks[1].attn2);
  prompt.context = HashTensor("another", {2, 5, 6});  // not read again
  EXPECT_THAT(TransformerBlock(tokens, prompt, weights.blocks[1]), IsEqualTo(plain));
}

TEST(TransformerTest, MemoryFormatOfItsInputIsNoMatter) {
  const TransformerWeights weights = Weights();
  const Prompt prompt{.context = HashTensor("c", {2, 5, 6}), .keys_values = {}};
  const at::Tensor x = HashTensor("x", {2, 8, 3, 4});
  const at::Tensor y = Transformer(x.contiguous(at::MemoryFormat::ChannelsLast), prompt, weights);
  EXPECT_THAT(Transformer(x, prompt, weights), IsCloseTo(y, 1e-13));
}

// Gradients through prepared keys and values too, which have a history of their own.
TEST(TransformerTest, RecomputedGradientsEqualTheKeptOnes) {
  std::vector<at::Tensor> gradients[2];
  for (const bool recompute : {false, true}) {
    TransformerWeights weights = Weights();
    const at::Tensor context = HashTensor("c", {2, 5, 6}).requires_grad_();
    const at::Tensor to_k = weights.blocks[0].attn2.to_k.weight.requires_grad_();
    const at::Tensor to_q = weights.blocks[0].attn2.to_q.weight.requires_grad_();
    Prompt prompt{.context = context, .keys_values = std::vector<KeysValues>(3)};
    for (const auto& block : weights.blocks)
      prompt.keys_values.push_back(ProjectKeysValues(context, block.attn2));
    const at::Tensor y =
        Transformer(HashTensor("x", {2, 8, 3, 4}), prompt, weights, {}, RecomputeIf(recompute));
    (y * HashTensor("r", {2, 8, 3, 4})).sum().backward();
    gradients[recompute] = {context.grad(), to_k.grad(), to_q.grad()};
  }
  for (int i = 0; i < 3; ++i) EXPECT_THAT(gradients[1][i], IsCloseTo(gradients[0][i], 1e-14)) << i;
}

}  // namespace
}  // namespace draftp::testing
