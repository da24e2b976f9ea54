// Convolution, normalisation and activation over plain structs of weights, shared by UNet, VAE and
// text encoders.
#ifndef DRAFTP_MODEL_LAYERS_H_
#define DRAFTP_MODEL_LAYERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/adapter/lora.h"

namespace draftp {

struct ConvWeights {
  at::Tensor weight;  // [out,in,k,k], channels-last in memory
  at::Tensor bias;    // [out], or undefined
  int64_t stride = 1;
  int64_t padding = 0;
  LoraSlots adapters = {};
};

// Scale and shift of a GroupNorm or LayerNorm.
struct NormWeights {
  at::Tensor weight;   // [C]
  at::Tensor bias;     // [C]
  int64_t groups = 0;  // of a GroupNorm; C is a multiple of it
  double eps = 1e-5;
};

// Shapes without storage (device meta), for a loader to fill. The padding keeps the size at stride
// 1: kernel is odd.
ConvWeights ConvSkeleton(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1,
                         bool bias = true);
NormWeights GroupNormSkeleton(int64_t channels, int64_t groups, double eps);
NormWeights LayerNormSkeleton(int64_t channels, double eps = 1e-5);

// x [R,in,h,w] -> [R,out,h',w']; a range adds its adapter's scale * B (A x), A a convolution like
// this one and B a 1x1 one, on its rows.
at::Tensor Conv2d(const at::Tensor& x, const ConvWeights& weights, const AdapterRows& rows = {});

// Wu & He, "Group Normalization", 2018. x [R,C,h,w] -> same; statistics as LibTorch has them for
// x's dtype.
at::Tensor GroupNorm(const at::Tensor& x, const NormWeights& weights);

// Over the last dimension: x [...,C] -> same.
at::Tensor LayerNorm(const at::Tensor& x, const NormWeights& weights);

// x sigmoid(x).
at::Tensor Silu(const at::Tensor& x);

// SiLU(GroupNorm(x)): the pair that every residual block starts with.
at::Tensor GroupNormSilu(const at::Tensor& x, const NormWeights& weights);

// Nearest-neighbour resize. x [R,C,h,w] -> [R,C,height,width].
at::Tensor ResizeNearest(const at::Tensor& x, int64_t height, int64_t width);

}  // namespace draftp

#endif  // DRAFTP_MODEL_LAYERS_H_
