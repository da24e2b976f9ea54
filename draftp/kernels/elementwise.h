// What a network computes element by element, beside its products.
#ifndef DRAFTP_KERNELS_ELEMENTWISE_H_
#define DRAFTP_KERNELS_ELEMENTWISE_H_

#include "draftp/kernels/cuda_entry.h"

namespace at {
class Tensor;
}

namespace draftp::kernels {

// x [...,2C], values then gates -> values * gelu(gates) [...,C]: GEGLU of Shazeer, "GLU Variants
// Improve Transformer", 2020, with the exact GELU. Differentiable.
at::Tensor GatedGelu(const at::Tensor& x);

// y + bias + channels + pixels, where undefined ones add nothing: y, pixels [R,C,h,w], bias [C],
// channels [R,C] or [1,C], all of one dtype -> [R,C,h,w]. Differentiable.
at::Tensor AddToPixels(const at::Tensor& y, const at::Tensor& bias, const at::Tensor& channels,
                       const at::Tensor& pixels);

// What follows is between elementwise.cc and elementwise.cu. Rows are contiguous and an even number
// of channels long.

// x [rows, 2 * channels] -> y [rows, channels].
DRAFTP_CUDA_ENTRY int LaunchGatedGelu(KernelDtype dtype, long long rows, int channels,
                                      const void* x, void* y, void* stream);
DRAFTP_CUDA_ENTRY int LaunchGatedGeluBackward(KernelDtype dtype, long long rows, int channels,
                                              const void* x, const void* y_gradient,
                                              void* x_gradient, void* stream);

// What is added to y [rows * pixels, channels]; null adds nothing.
struct AddendsCall {
  const void* y;
  const void* bias;      // [channels]
  const void* image;     // [rows or 1, channels], to every pixel of a row
  bool image_per_row;    // `image` has `rows` rows
  const void* residual;  // like y
  void* sum;
};
DRAFTP_CUDA_ENTRY int LaunchAddends(KernelDtype dtype, long long rows, long long pixels,
                                    int channels, const AddendsCall& call, void* stream);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_ELEMENTWISE_H_
