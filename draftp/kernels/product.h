// Linear layers and convolutions: one product for every form that weights may have, with what is
// added to it.
#ifndef DRAFTP_KERNELS_PRODUCT_H_
#define DRAFTP_KERNELS_PRODUCT_H_

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

#include <cstdint>
#include <variant>

#include "draftp/kernels/cpu/layers.h"
#include "draftp/kernels/scaled_half.h"

namespace draftp::kernels {

// The form of weights that a kernel reads in place of a checkpoint's: none, panels for inference on
// a CPU, or float16 of a convolution of float32 pictures. Another form is a member here, its
// product in product.cc, and what makes it.
using Packed = std::variant<std::monostate, cpu::Panels, ScaledHalf>;

// Bytes that it holds.
int64_t BytesOf(const Packed& packed);

// Weights of a product, in one of two places: `plain` is undefined where `packed` holds them.
struct ProductWeights {
  const at::Tensor& plain;  // [out,in], or of a convolution [out,in,k,k], channels-last in memory
  const Packed& packed;
};

struct ConvolutionShape {
  int64_t stride = 1;
  int64_t padding = 0;
  bool resizes = false;  // it stands behind a resize to nearest neighbours: ResizedConvolution
};

// The form for inference on a CPU, from weights of any floating dtype there.
Packed PackForCpu(const at::Tensor& weight);
Packed PackForCpu(const at::Tensor& weight, const ConvolutionShape& shape);

// What is added to a product; undefined members add nothing.
struct Epilogue {
  at::Tensor bias = {};      // [out]
  at::Tensor channels = {};  // of a convolution: [R,out] or [1,out], to every pixel
  at::Tensor residual = {};  // as the result
  // Of a linear layer: the residual, contiguous, becomes the result, without gradients.
  bool into_residual = false;
  // If given, adds in place what adapters add, into y for x: both [M,...] without the dimensions
  // between a linear layer's first and last, or a convolution's own. No backward formula needs y.
  c10::function_ref<void(const at::Tensor& y, const at::Tensor& x)> adapters = {};
};

// x W^T and its epilogue: x [...,in] -> [...,out], in x's dtype, which is that of plain weights.
// Differentiable with plain weights; packed ones take float32 without gradients, panels on a CPU,
// and throw on anything else: so do those below. Of float16 weights a convolution takes float16,
// too, and gives float32.
at::Tensor Linear(const at::Tensor& x, const ProductWeights& weights, const Epilogue& epilogue);

// x [R,in,h,w] -> [R,out,h',w'].
at::Tensor Convolution(const at::Tensor& x, const ProductWeights& weights,
                       const ConvolutionShape& shape, const Epilogue& epilogue);

// The convolution of SiLU(GroupNorm(x)).
using Norm = cpu::Norm;
at::Tensor NormSiluConvolution(const at::Tensor& x, const Norm& norm, const ProductWeights& weights,
                               const ConvolutionShape& shape, const Epilogue& epilogue);

// The convolution of x resized to its nearest neighbours, height x width.
at::Tensor ResizedConvolution(const at::Tensor& x, int64_t height, int64_t width,
                              const ProductWeights& weights, const ConvolutionShape& shape,
                              const Epilogue& epilogue);

// Rows [begin, begin + h') of the convolution of one picture x with its bias, written to y
// [1,out,h', w'] or added to it. `shape` keeps the size, or x is doubled before where
// shape.resizes. Without gradients, not of panels.
enum class Rows { kWritten, kAdded };
void ConvolutionRows(const at::Tensor& x, const ProductWeights& weights,
                     const ConvolutionShape& shape, const at::Tensor& bias, int64_t begin,
                     Rows rows, const at::Tensor& y);

// LibTorch's convolution, weight [out,in,k,k], bias [out] or undefined.
at::Tensor PlainConvolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            const ConvolutionShape& shape);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_PRODUCT_H_
