#include "draftp/model/attention.h"

#include "draftp/kernels/attention.h"

namespace draftp {

at::Tensor MultiHeadAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              int64_t heads, bool causal) {
  return kernels::Attention(q, k, v, heads, causal);
}

AttentionWeights AttentionSkeleton(int64_t channels, int64_t source, int64_t heads, bool qkv_bias) {
  return {.to_q = LinearSkeleton(channels, channels, qkv_bias),
          .to_k = LinearSkeleton(source, channels, qkv_bias),
          .to_v = LinearSkeleton(source, channels, qkv_bias),
          .to_out = LinearSkeleton(channels, channels),
          .heads = heads};
}

KeysValues ProjectKeysValues(const at::Tensor& source, const AttentionWeights& weights,
                             const AdapterRows& rows) {
  return {.keys = Linear(source, weights.to_k, rows), .values = Linear(source, weights.to_v, rows)};
}

at::Tensor Attend(const at::Tensor& x, const KeysValues& source, const AttentionWeights& weights,
                  const AdapterRows& rows, const at::Tensor& residual) {
  const at::Tensor q = Linear(x, weights.to_q, rows);
  return Linear(MultiHeadAttention(q, source.keys, source.values, weights.heads), weights.to_out,
                rows, residual);
}

}  // namespace draftp
