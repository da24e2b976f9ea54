// Multi-head attention, alone and with its four projections.
#ifndef DRAFTP_MODEL_ATTENTION_H_
#define DRAFTP_MODEL_ATTENTION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/model/linear.h"

namespace draftp {

// softmax(q k^T / sqrt(d)) v in `heads` heads of d = inner/heads channels: Vaswani et al.,
// "Attention Is All You Need", 2017. q [R,T,inner], k and v [R,S,inner] -> [R,T,inner]. Causal:
// position t sees positions <= t alone.
at::Tensor MultiHeadAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              int64_t heads, bool causal = false);

// Projections in diffusers' names: to_q, to_k, to_v, to_out.0.
struct AttentionWeights {
  LinearWeights to_q;    // C -> inner
  LinearWeights to_k;    // D -> inner, D the width of what is attended to
  LinearWeights to_v;    // D -> inner
  LinearWeights to_out;  // inner -> C
  int64_t heads = 1;
  int cross_index = -1;  // of an attention to the prompt: its place in Prepared's list, in order of
                         // the forward pass
};

// Skeleton of an attention from C channels to `source` channels; q, k and v without biases unless
// `qkv_bias`.
AttentionWeights AttentionSkeleton(int64_t channels, int64_t source, int64_t heads,
                                   bool qkv_bias = false);

struct KeysValues {
  at::Tensor keys;    // [R,S,inner]
  at::Tensor values;  // [R,S,inner]
};

// What `source` [R,S,D] offers to be attended to.
KeysValues ProjectKeysValues(const at::Tensor& source, const AttentionWeights& weights,
                             const AdapterRows& rows = {});

// to_out(attention(to_q(x), keys, values)), plus `residual` where it is defined: x [R,T,C] ->
// [R,T,C], into the residual's memory where asked for (Linear). Undefined keys: x attends to
// itself.
at::Tensor Attend(const at::Tensor& x, const KeysValues& source, const AttentionWeights& weights,
                  const AdapterRows& rows = {}, const at::Tensor& residual = {},
                  bool into_residual = false);

}  // namespace draftp

#endif  // DRAFTP_MODEL_ATTENTION_H_
