#include "draftp/kernels/attention.h"

#include <ATen/ops/scaled_dot_product_attention.h>
#include <c10/util/Exception.h>

#include "draftp/kernels/cpu/layers.h"
#include "draftp/kernels/operation.h"
#include "draftp/kernels/wide_attention.h"

namespace draftp::kernels {
namespace {

// [R,T,h*d] -> [R,h,T,d]
at::Tensor SplitHeads(const at::Tensor& x, int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

at::Tensor ByLibTorch(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                      bool causal) {
  if (!causal && WideAttentionServes(q, k, v, heads)) return WideAttention(q, k, v);
  const at::Tensor mixed = at::scaled_dot_product_attention(
      SplitHeads(q, heads), SplitHeads(k, heads), SplitHeads(v, heads), /*attn_mask=*/{},
      /*dropout_p=*/0.0, causal);  // [R,h,T,d]
  return mixed.transpose(1, 2).reshape({q.size(0), q.size(1), q.size(2)});
}

constexpr Operation<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t,
                               bool)>
    kAttention{.libtorch = ByLibTorch, .cpu = cpu::Attention};

}  // namespace

at::Tensor Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     bool causal) {
  TORCH_CHECK(q.size(2) % heads == 0, heads, " heads don't divide ", q.size(2), " channels");
  return kAttention(q, k, v, heads, causal);
}

}  // namespace draftp::kernels
