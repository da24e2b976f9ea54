#include "draftp/model/attention.h"

#include <vector>

#include "draftp/kernels/attention.h"
#include "draftp/model/stacked_linear.h"

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
                  const AdapterRows& rows, const at::Tensor& residual, bool into_residual) {
  std::vector<const LinearWeights*> of_x = {&weights.to_q};
  if (!source.keys.defined()) of_x.insert(of_x.end(), {&weights.to_k, &weights.to_v});
  const std::vector<at::Tensor> made = StackedLinear(x, of_x, rows);
  const auto& [keys, values] = source.keys.defined() ? source : KeysValues{made[1], made[2]};
  return Linear(MultiHeadAttention(made[0], keys, values, weights.heads), weights.to_out, rows,
                residual, into_residual);
}

}  // namespace draftp
