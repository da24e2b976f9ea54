// Attention of one wide head by two matrix products.
#ifndef DRAFTP_KERNELS_WIDE_ATTENTION_H_
#define DRAFTP_KERNELS_WIDE_ATTENTION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace draftp::kernels {

// Whether it serves: float32 on a GPU, without gradient, a head beyond what LibTorch's fused
// kernels take (256 channels, as the decoder's of 512 has), and a run that allows TF32.
bool WideAttentionServes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         int64_t heads);

// softmax(q k^T / sqrt(C)) v for q [R,T,C], k and v [R,S,C] -> [R,T,C], some rows of T at a time,
// of which `most` scores are in memory twice. On a GPU its products round their factors to TF32.
at::Tensor WideAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         int64_t most = int64_t{1} << 25);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_WIDE_ATTENTION_H_
