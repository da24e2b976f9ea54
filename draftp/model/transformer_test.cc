#include "draftp/model/transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/erf.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
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

// A block of a network as it is trained: every weight and an adapter on each projection.
struct PromptRun {
  at::Tensor y;
  std::vector<at::Tensor> gradients;  // of the tokens, of every weight and adapter
};

PromptRun RunWithZeros(int64_t known_zeros, int64_t zeros, bool prepared) {
  TransformerWeights weights = Weights();
  TransformerBlockWeights& block = weights.blocks[0];
  int number = 0;
  for (LinearWeights* layer :
       {&block.attn2.to_q, &block.attn2.to_k, &block.attn2.to_v, &block.attn2.to_out}) {
    const int64_t out = layer->weight.size(0), in = layer->weight.size(1);
    const std::string name = std::to_string(number++);
    layer->adapters = {LoraLayer{
        .a = HashTensor("a" + name, {2, in}), .b = HashTensor("b" + name, {out, 2}), .scale = 0.5}};
  }
  std::vector<at::Tensor> leaves = TensorsOf(block);
  leaves.push_back(HashTensor("t", {3, 9, 8}));
  at::Tensor context = HashTensor("c", {3, 5, 6});
  context.narrow(0, 0, zeros).zero_();
  Prompt prompt{.context = context, .keys_values = {}, .zero_rows = known_zeros};
  const AdapterRows rows = {{.adapter = 0, .begin = 1, .end = 3}};
  if (prepared) {
    prompt.keys_values.resize(4);
    prompt.keys_values[3] = ProjectKeysValues(context, block.attn2, rows);
    return {TransformerBlock(leaves.back().clone(), prompt, block, rows), {}};
  }
  for (at::Tensor& leaf : leaves) leaf.requires_grad_();
  const at::Tensor y = TransformerBlock(leaves.back(), prompt, block, rows);
  (y * HashTensor("r", {3, 9, 8})).sum().backward();
  PromptRun run{y.detach(), {}};
  for (const at::Tensor& leaf : leaves)
    run.gradients.push_back(leaf.grad().defined() ? leaf.grad() : at::zeros_like(leaf));
  return run;
}

// Attention to a prompt of zeros, left out, is what it is computed to be, with adapters that begin
// within these rows and in place; with gradients it is computed.
TEST(TransformerTest, PromptsOfZerosNeedNoAttention) {
  for (const int64_t zeros : {1, 2, 3}) {
    const PromptRun computed = RunWithZeros(0, zeros, false),
                    known = RunWithZeros(zeros, zeros, false);
    EXPECT_THAT(known.y, IsCloseTo(computed.y, 1e-13)) << zeros;
    for (size_t i = 0; i < computed.gradients.size(); ++i)
      EXPECT_THAT(known.gradients[i], IsCloseTo(computed.gradients[i], 1e-12))
          << zeros << ", " << i;
    const at::NoGradGuard no_grad;
    EXPECT_THAT(RunWithZeros(zeros, zeros, true).y, IsCloseTo(computed.y, 1e-13)) << zeros;
  }
  // Rows that aren't zeros tell them apart.
  const at::NoGradGuard no_grad;
  EXPECT_GT(RelativeError(RunWithZeros(2, 1, true).y, RunWithZeros(0, 1, true).y), 1e-3);
}

// Values of a bias aren't zeros.
TEST(TransformerTest, AValuesBiasIsAttendedToWhateverThePrompt) {
  TransformerWeights weights = Weights();
  weights.blocks[0].attn2.to_v.bias = HashTensor("vb", {8});
  const at::Tensor tokens = HashTensor("t", {2, 9, 8});
  Prompt prompt{.context = HashTensor("c", {2, 5, 6}), .keys_values = {}};
  prompt.context.select(0, 0).zero_();
  const at::Tensor computed = TransformerBlock(tokens, prompt, weights.blocks[0]);
  prompt.zero_rows = 1;
  EXPECT_THAT(TransformerBlock(tokens, prompt, weights.blocks[0]), IsEqualTo(computed));
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
