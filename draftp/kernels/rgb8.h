// Decoded images to packed 8-bit RGB, the last step before a file: one pass on the GPU, a quarter
// of the bytes to copy.
#ifndef DRAFTP_KERNELS_RGB8_H_
#define DRAFTP_KERNELS_RGB8_H_

#include "draftp/kernels/cuda_entry.h"

namespace at {
class Tensor;
}

namespace draftp {

// trunc(clamp((x + 1) / 2, 0, 1) * 255), as the original writes its pictures. decoded [B,3,H,W]
// float32 in any memory format, values nominally in [-1,1] -> [B,H,W,3] uint8, contiguous, on the
// same device. Throws c10::Error on another shape or dtype.
at::Tensor Rgb8(const at::Tensor& decoded);

// The same by ATen operators, on any device: the reference that the CUDA kernel is tested against.
at::Tensor Rgb8Reference(const at::Tensor& decoded);

// What follows is between rgb8.cc and rgb8.cu.

// Sizes and element strides of a [B,3,H,W] image.
struct Rgb8Layout {
  long long batch, height, width;
  long long stride_b, stride_c, stride_h, stride_w;
};
// rgb [B,H,W,3].
DRAFTP_CUDA_ENTRY int LaunchRgb8(const float* image, unsigned char* rgb, const Rgb8Layout& layout,
                                 void* stream);

}  // namespace draftp

#endif  // DRAFTP_KERNELS_RGB8_H_
