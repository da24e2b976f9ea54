#include "draftp/model/attention.h"

#include <ATen/ops/scaled_dot_product_attention.h>

#include "draftp/kernels/cpu/layers.h"

namespace draftp {
namespace {

// [R,T,h*d] -> [R,h,T,d]
at::Tensor SplitHeads(const at::Tensor& x, int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

}  // namespace

at::Tensor MultiHeadAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              int64_t heads, bool causal) {
  TORCH_CHECK(q.size(2) % heads == 0, heads, " heads don't divide ", q.size(2), " channels");
  if (cpu::Serves(q)) return cpu::Attention(q, k, v, heads, causal);
  const at::Tensor mixed = at::scaled_dot_product_attention(
      SplitHeads(q, heads), SplitHeads(k, heads), SplitHeads(v, heads), /*attn_mask=*/{},
      /*dropout_p=*/0.0, causal);  // [R,h,T,d]
  return mixed.transpose(1, 2).reshape({q.size(0), q.size(1), q.size(2)});
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
