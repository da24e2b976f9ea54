// Layers of a network on a GPU, each one kernel forward and one backward, differentiable. They take
// activations channels-last, as the networks keep them, where LibTorch's own norms would copy them
// back and forth.
#ifndef DRAFTP_KERNELS_CUDA_LAYERS_H_
#define DRAFTP_KERNELS_CUDA_LAYERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace draftp::cuda {

// Whether these functions serve x with scale and shift of these dtypes: float32, float16 or
// bfloat16 on a GPU, an even number of channels in the dimension they lie in, one dtype.
bool ServesChannels(const at::Tensor& x, int64_t channels, const at::Tensor& weight = {});

inline constexpr int64_t kMostChannelsPerGroup = 512;

// act(GroupNorm(x)), Wu & He, "Group Normalization", 2018; act is SiLU or nothing. x [R,C,h,w] in
// any memory format, at most 512 channels a group -> [R,C,h,w] channels-last. weight, bias [C].
// Statistics and arithmetic are float32.
at::Tensor GroupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     int64_t groups, double eps, bool silu);

// LayerNorm over the last dimension: x [...,C] -> same. weight, bias [C].
at::Tensor LayerNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     double eps);

// x [...,2C], values then gates -> values * gelu(gates) [...,C]: GEGLU of Shazeer, "GLU Variants
// Improve Transformer", 2020, with the exact GELU.
at::Tensor GatedGelu(const at::Tensor& x);

// y + bias + channels + pixels, where undefined ones add nothing: y, pixels [R,C,h,w], bias [C],
// channels [R,C] or [1,C], all of one dtype -> [R,C,h,w] channels-last.
at::Tensor AddToPixels(const at::Tensor& y, const at::Tensor& bias, const at::Tensor& channels,
                       const at::Tensor& pixels);

}  // namespace draftp::cuda

#endif  // DRAFTP_KERNELS_CUDA_LAYERS_H_
