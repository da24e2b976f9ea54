// Matrix products and convolutions of packed weights, spread over the threads.
#ifndef DRAFTP_KERNELS_CPU_PRODUCT_H_
#define DRAFTP_KERNELS_CPU_PRODUCT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace draftp::cpu {

// The weights of a linear layer or convolution as the chosen kernels read them: panels of
// KernelTable::panel_columns outputs, zero beyond the last.
struct PackedWeights {
  at::Tensor panels;  // f32 [ceil(outputs / columns), taps * depth, columns]
  int64_t outputs = 0, taps = 0, depth = 0;

  bool defined() const { return panels.defined(); }
};

// weight [out,in] or [out,in,k,k], of any floating dtype, on a CPU.
PackedWeights Pack(const at::Tensor& weight);

// The same for weights that are laid out by tap, [out,taps,in].
PackedWeights PackTaps(const at::Tensor& weight);

// What one product reads and writes, in floats. Pixels of the output are `height` x `width` for
// each of `images`; a linear layer has one image of one row of pixels.
struct Product {
  const PackedWeights& weights;
  int64_t images, height, width;
  const float* input;
  int64_t input_image, input_row, input_column;  // from one output pixel's input to the next's
  std::span<const int64_t> taps;                 // offsets of the places of the kernel
  float* output;
  const float* residual;  // at the places of `output`, or null
  int64_t output_image, output_row, output_column;
  const float* bias;   // [outputs], or null
  int64_t bias_image;  // from one image's bias to the next's; 0: one for all
};

// output = weights applied to input + bias + residual.
void Run(const Product& product);

}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_PRODUCT_H_
