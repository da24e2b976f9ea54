// 3x3 convolutions by Winograd's minimal filtering: 16 products for 2x2 pixels instead of 36.
#ifndef DRAFTP_KERNELS_CPU_WINOGRAD_H_
#define DRAFTP_KERNELS_CPU_WINOGRAD_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "draftp/kernels/cpu/product.h"

namespace draftp::cpu {

// F(2x2, 3x3) of Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2015. Rounding
// grows about threefold over the plain sum.
struct PackedWinograd {
  PackedWeights planes;  // 16 taps, of which each is a product of its own

  bool defined() const { return planes.defined(); }
};

// weight [out,in,3,3]
PackedWinograd PackWinograd(const at::Tensor& weight);

// A 3x3 convolution of stride 1 over pictures with a zero border of one pixel: offsets in floats,
// from pixel (0,0) proper. Height and width are even.
struct WinogradProduct {
  const PackedWinograd& weights;
  int64_t images, height, width;
  const float* input;
  int64_t input_image, input_row;
  float* output;          // channels-last, without gaps
  const float* residual;  // as the output, or null
  const float* bias;      // [outputs], or null
  int64_t bias_image;     // from one image's bias to the next's; 0: one for all
};

// Whether the method gains at this size: enough tiles that the products' rows fill theirs.
bool WinogradServes(int64_t images, int64_t height, int64_t width);

void Run(const WinogradProduct& product);

}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_WINOGRAD_H_
