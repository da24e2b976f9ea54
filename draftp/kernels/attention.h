// Multi-head attention over tokens whose heads lie side by side.
#ifndef DRAFTP_KERNELS_ATTENTION_H_
#define DRAFTP_KERNELS_ATTENTION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace draftp::kernels {

// softmax(q k^T / sqrt(d)) v in `heads` heads of d = inner/heads channels: Vaswani et al.,
// "Attention Is All You Need", 2017. q [R,T,inner], k and v [R,S,inner] -> [R,T,inner]. Causal:
// position t sees positions <= t alone. Differentiable.
at::Tensor Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     bool causal);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_ATTENTION_H_
