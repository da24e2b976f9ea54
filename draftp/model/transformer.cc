#include "draftp/model/transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "draftp/kernels/elementwise.h"

namespace draftp {
namespace {

constexpr double kTransformerNormEps =
    1e-6;  // of diffusers' Transformer2DModel, whatever the UNet's norm_eps

TransformerBlockWeights BlockSkeleton(int64_t channels, const TransformerOptions& options) {
  const int64_t first_source = options.only_cross_attention ? options.context : channels;
  return {.norm1 = LayerNormSkeleton(channels),
          .attn1 = AttentionSkeleton(channels, first_source, options.heads),
          .norm2 = LayerNormSkeleton(channels),
          .attn2 = AttentionSkeleton(channels, options.context, options.heads),
          .norm3 = LayerNormSkeleton(channels),
          .ff = {.proj = LinearSkeleton(channels, 8 * channels),
                 .out = LinearSkeleton(4 * channels, channels)}};
}

// The prompt's keys and values for this attention: prepared ones, or none yet.
KeysValues PreparedFor(const AttentionWeights& attention, const Prompt& prompt) {
  if (attention.cross_index < 0 || prompt.keys_values.empty()) return {};
  return prompt.keys_values.at(attention.cross_index);
}

// What `weights` attends to: prepared keys and values, or those of the prompt; none, for the tokens
// themselves.
KeysValues Source(const KeysValues& prepared, const at::Tensor& context,
                  const AttentionWeights& weights, const AdapterRows& rows) {
  if (prepared.keys.defined() || weights.cross_index < 0) return prepared;
  return ProjectKeysValues(context, weights, rows);
}

// Rows from `begin` on.
at::Tensor From(int64_t begin, const at::Tensor& x) {
  return x.defined() && begin > 0 ? x.narrow(0, begin, x.size(0) - begin) : x;
}

// x, plus what it attends to in the prompt. Without gradients x may be written to.
at::Tensor AddPrompt(const at::Tensor& x, const at::Tensor& context, const KeysValues& prepared,
                     const TransformerBlockWeights& weights, const AdapterRows& rows,
                     int64_t zero_rows) {
  const AttentionWeights& attention = weights.attn2;
  const auto attend = [&](int64_t begin, const at::Tensor& some, bool in_place) {
    const AdapterRows own = begin > 0 ? RowsBetween(rows, begin, x.size(0)) : rows;
    const KeysValues source = Source({From(begin, prepared.keys), From(begin, prepared.values)},
                                     From(begin, context), attention, own);
    return Attend(LayerNorm(some, weights.norm2), source, attention, own, some, in_place);
  };
  if (zero_rows == 0 || attention.to_v.bias.defined() || at::GradMode::is_enabled())
    return attend(0, x, false);
  if (const at::Tensor& bias = attention.to_out.bias; bias.defined())
    x.narrow(0, 0, zero_rows).add_(bias);
  if (zero_rows < x.size(0)) attend(zero_rows, From(zero_rows, x), true);
  return x;
}

at::Tensor Block(const at::Tensor& tokens, const at::Tensor& context, const KeysValues& first,
                 const KeysValues& second, const TransformerBlockWeights& weights,
                 const AdapterRows& rows, int64_t zero_rows) {
  at::Tensor x = Attend(LayerNorm(tokens, weights.norm1),
                        Source(first, context, weights.attn1, rows), weights.attn1, rows, tokens);
  x = AddPrompt(x, context, second, weights, rows, zero_rows);
  return FeedForward(LayerNorm(x, weights.norm3), weights.ff, rows, x);
}

at::Tensor RunBlock(const at::Tensor& tokens, const Prompt& prompt,
                    const TransformerBlockWeights& weights, const AdapterRows& rows,
                    const AnyPiecePolicy& pieces) {
  const KeysValues first = PreparedFor(weights.attn1, prompt),
                   second = PreparedFor(weights.attn2, prompt);
  const auto run = [&weights, rows, zero_rows = prompt.zero_rows](at::TensorList in) {
    return Block(in[0], in[1], {in[2], in[3]}, {in[4], in[5]}, weights, rows, zero_rows);
  };
  const std::vector<at::Tensor> tensors = {tokens,       prompt.context, first.keys,
                                           first.values, second.keys,    second.values};
  return pieces(run, tensors, [&weights] { return TensorsOf(weights); });
}

}  // namespace

TransformerWeights TransformerSkeleton(int64_t channels, const TransformerOptions& options) {
  TransformerWeights weights{
      .norm = GroupNormSkeleton(channels, options.groups, kTransformerNormEps),
      .proj_in = LinearSkeleton(channels, channels),
      .blocks = {},
      .proj_out = LinearSkeleton(channels, channels)};
  weights.proj_in.pointwise_convolution = weights.proj_out.pointwise_convolution =
      !options.linear_projection;
  int cross_index = options.first_cross_index;
  for (int64_t i = 0; i < options.depth; ++i) {
    TransformerBlockWeights& block = weights.blocks.emplace_back(BlockSkeleton(channels, options));
    if (options.only_cross_attention) block.attn1.cross_index = cross_index++;
    block.attn2.cross_index = cross_index++;
  }
  return weights;
}

at::Tensor FeedForward(const at::Tensor& x, const FeedForwardWeights& weights,
                       const AdapterRows& rows, const at::Tensor& residual) {
  return Linear(kernels::GatedGelu(Linear(x, weights.proj, rows)), weights.out, rows, residual);
}

at::Tensor TransformerBlock(const at::Tensor& tokens, const Prompt& prompt,
                            const TransformerBlockWeights& weights, const AdapterRows& rows) {
  return RunBlock(tokens, prompt, weights, rows, RunPieces());
}

at::Tensor Transformer(const at::Tensor& x, const Prompt& prompt, const TransformerWeights& weights,
                       const AdapterRows& rows, const AnyPiecePolicy& pieces) {
  const int64_t batch = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
  at::Tensor tokens =
      GroupNorm(x, weights.norm).permute({0, 2, 3, 1}).reshape({batch, height * width, channels});
  tokens = Linear(tokens, weights.proj_in, rows);
  for (const TransformerBlockWeights& block : weights.blocks) {
    tokens = RunBlock(tokens, prompt, block, rows, pieces);
  }
  // Pixels are channels-last already: the image is a view of the tokens.
  tokens = Linear(tokens, weights.proj_out, rows,
                  x.permute({0, 2, 3, 1}).reshape({batch, height * width, channels}));
  return tokens.view({batch, height, width, channels}).permute({0, 3, 1, 2});
}

}  // namespace draftp
