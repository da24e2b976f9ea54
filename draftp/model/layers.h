// Convolution, normalisation and activation over plain structs of weights, shared by UNet, VAE and
// text encoders.
#ifndef DRAFTP_MODEL_LAYERS_H_
#define DRAFTP_MODEL_LAYERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "draftp/adapter/adapter_rows.h"
#include "draftp/adapter/lora.h"
#include "draftp/kernels/product.h"

namespace draftp {

struct ConvWeights {
  at::Tensor weight;  // [out,in,k,k], channels-last in memory; undefined where `packed` holds it
  at::Tensor bias;    // [out], or undefined
  int64_t stride = 1;
  int64_t padding = 0;
  LoraSlots adapters = {};
  bool resizes = false;         // it stands behind a resize: ResizeConv2d
  kernels::Packed packed = {};  // see pack_weights.h
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
// Of a ResizeConv2d, 3x3.
ConvWeights ResizeConvSkeleton(int64_t in, int64_t out);
NormWeights GroupNormSkeleton(int64_t channels, int64_t groups, double eps);
NormWeights LayerNormSkeleton(int64_t channels, double eps = 1e-5);

// What is added to a convolution's result; undefined members add nothing.
struct ConvAddends {
  at::Tensor channels = {};  // [R,out] or [1,out], to every pixel
  at::Tensor pixels = {};    // [R,out,h',w']
};

// x [R,in,h,w] -> [R,out,h',w']; a range adds its adapter's scale * B (A x), A a convolution like
// this one and B a 1x1 one, on its rows.
at::Tensor Conv2d(const at::Tensor& x, const ConvWeights& weights, const AdapterRows& rows = {},
                  const ConvAddends& addends = {});

// Wu & He, "Group Normalization", 2018. x [R,C,h,w] -> same; statistics as LibTorch has them for
// x's dtype.
at::Tensor GroupNorm(const at::Tensor& x, const NormWeights& weights);

// Over the last dimension: x [...,C] -> same.
at::Tensor LayerNorm(const at::Tensor& x, const NormWeights& weights);

// x sigmoid(x).
at::Tensor Silu(const at::Tensor& x);

// SiLU(GroupNorm(x)).
at::Tensor GroupNormSilu(const at::Tensor& x, const NormWeights& weights);

// Conv2d(GroupNormSilu(x)): what every residual block is made of.
at::Tensor NormSiluConv2d(const at::Tensor& x, const NormWeights& norm, const ConvWeights& weights,
                          const AdapterRows& rows = {}, const ConvAddends& addends = {});

// Rows [begin, begin + h') of Conv2d of one picture, whose size it keeps, or of ResizeConv2d to
// twice the size of x: written to y [1,out,h',w'] or added to it. Without gradients and adapters. x
// may be float16 where the weights are packed in it.
void Conv2dRows(const at::Tensor& x, const ConvWeights& weights, int64_t begin, kernels::Rows rows,
                const at::Tensor& y);

// Conv2d of x [R,C,h,w] resized to its nearest neighbours, height x width.
at::Tensor ResizeConv2d(const at::Tensor& x, int64_t height, int64_t width,
                        const ConvWeights& weights, const AdapterRows& rows = {});

}  // namespace draftp

#endif  // DRAFTP_MODEL_LAYERS_H_
