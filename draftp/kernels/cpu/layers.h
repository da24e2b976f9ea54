// Layers of a diffusion network for inference on a CPU, in float32: over packed weights,
// channels-last, with what surrounds a product fused into it.
#ifndef DRAFTP_KERNELS_CPU_LAYERS_H_
#define DRAFTP_KERNELS_CPU_LAYERS_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "draftp/kernels/cpu/product.h"
#include "draftp/kernels/cpu/winograd.h"

namespace draftp::cpu {

// Whether these functions serve a call on x: float32 on a CPU, and no gradients are recorded.
bool Serves(const at::Tensor& x);

// Scale and shift of a normalisation, both [C].
struct Norm {
  const at::Tensor& weight;
  const at::Tensor& bias;
  int64_t groups;  // of a group norm
  double eps;
};

// A 3x3 convolution behind nearest-neighbour doubling: every second row and column of the result is
// a 2x2 convolution of x, whose weights are sums of the 3x3 ones. That is 4/9 of the work.
struct PackedUpsampling {
  std::array<PackedWeights, 4> phases;  // of even and odd rows (outer) and columns

  bool defined() const { return phases[0].defined(); }
};

// All that the functions below may read of one layer's weights.
struct Panels {
  PackedWeights product;          // of every linear layer and convolution
  PackedWinograd winograd = {};   // of some 3x3 convolutions
  PackedUpsampling doubled = {};  // of a 3x3 convolution behind a resize
};

// Bytes that they hold.
int64_t BytesOf(const Panels& panels);

// x [...,in] -> x W^T + bias + residual [...,out]; bias [out] and residual [...,out] may be
// undefined.
at::Tensor Linear(const at::Tensor& x, const PackedWeights& weights, const at::Tensor& bias,
                  const at::Tensor& residual);

struct Convolution {
  const PackedWeights& weights;
  const PackedWinograd& winograd;  // of the same 3x3 weights, or undefined
  int64_t stride, padding;
};

// conv(x) + bias + residual. x [R,in,h,w]; bias [out], [1,out] or [R,out], or undefined; residual
// as the result, or undefined. -> [R,out,h',w'], channels-last.
at::Tensor Conv2d(const at::Tensor& x, const Convolution& convolution, const at::Tensor& bias,
                  const at::Tensor& residual);

// The same of SiLU(group norm(x)), which is never stored but in the convolution's padded input.
at::Tensor NormSiluConv2d(const at::Tensor& x, const Norm& norm, const Convolution& convolution,
                          const at::Tensor& bias, const at::Tensor& residual);

// weight [out,in,3,3]
PackedUpsampling PackUpsampling(const at::Tensor& weight);

// x [R,in,h,w] -> conv(doubled x, padding 1) + bias [R,out,2h,2w], channels-last.
at::Tensor UpsampleConv2d(const at::Tensor& x, const PackedUpsampling& weights,
                          const at::Tensor& bias);

// x [R,C,h,w] -> same, channels-last; with SiLU behind it if asked.
at::Tensor GroupNorm(const at::Tensor& x, const Norm& norm, bool silu);

// Over the last dimension: x [...,C] -> same.
at::Tensor LayerNorm(const at::Tensor& x, const Norm& norm);

// x [...,2C], values then gates -> values * gelu(gates) [...,C].
at::Tensor GatedGelu(const at::Tensor& x);

// q [R,T,C], k and v [R,S,C] in `heads` heads -> [R,T,C].
at::Tensor Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                     bool causal);

}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_LAYERS_H_
