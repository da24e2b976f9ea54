// The spatial transformer of a UNet: self-attention over pixels, cross-attention to the prompt,
// gated feed-forward.
#ifndef DRAFTP_MODEL_TRANSFORMER_H_
#define DRAFTP_MODEL_TRANSFORMER_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/model/attention.h"
#include "draftp/model/layers.h"
#include "draftp/model/linear.h"
#include "draftp/model/visit_weights.h"
#include "draftp/sampling/piece_policy.h"

namespace draftp {

// GEGLU: Shazeer, "GLU Variants Improve Transformer", 2020. diffusers' names: ff.net.0.proj,
// ff.net.2.
struct FeedForwardWeights {
  LinearWeights proj;  // C -> 8C: values, then gates
  LinearWeights out;   // 4C -> C
};

// diffusers' BasicTransformerBlock with layer norms; members carry its names.
struct TransformerBlockWeights {
  NormWeights norm1;
  AttentionWeights attn1;  // to the pixels, or to the prompt too where only_cross_attention
  NormWeights norm2;
  AttentionWeights attn2;  // to the prompt
  NormWeights norm3;
  FeedForwardWeights ff;
};

// diffusers' Transformer2DModel over continuous input.
struct TransformerWeights {
  NormWeights norm;
  LinearWeights proj_in;  // C -> C; a 1x1 convolution where not use_linear_projection
  std::vector<TransformerBlockWeights> blocks;
  LinearWeights proj_out;
};

struct TransformerOptions {
  int64_t depth = 1;    // blocks
  int64_t context = 0;  // D, the prompt's width
  int64_t heads = 1;
  int64_t groups = 32;
  bool linear_projection = true;
  bool only_cross_attention = false;
  int first_cross_index = 0;  // AttentionWeights::cross_index of its first attention to the prompt

  // Attentions to the prompt.
  int64_t cross_attentions() const { return only_cross_attention ? 2 * depth : depth; }
};

TransformerWeights TransformerSkeleton(int64_t channels, const TransformerOptions& options);

// The prompt as cross-attention sees it: `context` [R,S,D], and keys and values by
// AttentionWeights::cross_index where they have been projected beforehand; empty where they are
// projected on the way.
struct Prompt {
  at::Tensor context;
  std::vector<KeysValues> keys_values;
  // The first rows of `context` that are all zeros. Their values are zeros then, and what attention
  // adds to them is the bias of its last layer, which is all that is computed of it in calls
  // without gradients.
  int64_t zero_rows = 0;
};

// out(values * gelu(gates)), (values, gates) = proj(x), plus `residual` where it is defined: x
// [R,T,C] -> same.
at::Tensor FeedForward(const at::Tensor& x, const FeedForwardWeights& weights,
                       const AdapterRows& rows = {}, const at::Tensor& residual = {});

// tokens [R,T,C] -> same.
at::Tensor TransformerBlock(const at::Tensor& tokens, const Prompt& prompt,
                            const TransformerBlockWeights& weights, const AdapterRows& rows = {});

// x [R,C,h,w] -> same. The pieces are the blocks; `weights` must outlive the backward pass.
at::Tensor Transformer(const at::Tensor& x, const Prompt& prompt, const TransformerWeights& weights,
                       const AdapterRows& rows = {}, const AnyPiecePolicy& pieces = {});

// Layers by their names in a checkpoint.
template <MaybeConst<TransformerBlockWeights> W, class F>
void VisitWeights(const std::string& name, W& block, F&& visit) {
  visit(name + ".norm1", block.norm1);
  VisitWeights(name + ".attn1", block.attn1, visit);
  visit(name + ".norm2", block.norm2);
  VisitWeights(name + ".attn2", block.attn2, visit);
  visit(name + ".norm3", block.norm3);
  visit(name + ".ff.net.0.proj", block.ff.proj);
  visit(name + ".ff.net.2", block.ff.out);
}

template <MaybeConst<TransformerWeights> W, class F>
void VisitWeights(const std::string& name, W& transformer, F&& visit) {
  visit(name + ".norm", transformer.norm);
  visit(name + ".proj_in", transformer.proj_in);
  for (size_t i = 0; i < transformer.blocks.size(); ++i) {
    VisitWeights(name + ".transformer_blocks." + std::to_string(i), transformer.blocks[i], visit);
  }
  visit(name + ".proj_out", transformer.proj_out);
}

}  // namespace draftp

#endif  // DRAFTP_MODEL_TRANSFORMER_H_
