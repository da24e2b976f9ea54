// Around products of scaled float16 (scaled_half.h): their input, and the sum that is made of their
// result.
#ifndef DRAFTP_KERNELS_PIXEL_SUM_H_
#define DRAFTP_KERNELS_PIXEL_SUM_H_

#include "draftp/kernels/cuda_entry.h"

namespace at {
class Tensor;
}

namespace draftp::kernels {

// x scale, x [R,C,h,w] -> float16, channels-last. Without gradients, like the other.
at::Tensor ToHalf(const at::Tensor& x, double scale);

// y scale + bias + residual: y [R,C,h,w] of float16 -> float32, of another dtype -> the same, and
// of the result's dtype bias [C] and residual [R,C,h,w]; undefined ones add nothing. The result is
// `into` where that is defined, which may be the residual.
at::Tensor PixelSum(const at::Tensor& y, double scale, const at::Tensor& bias,
                    const at::Tensor& residual, const at::Tensor& into);

// What follows is between pixel_sum.cc and pixel_sum.cu. Channels-last; channels come by fours.

// `count` elements: x float32, y float16.
DRAFTP_CUDA_ENTRY int LaunchToHalf(long long count, const float* x, float scale, void* y,
                                   void* stream);

struct PixelSumCall {
  const void* y;  // [rows, channels], float16 or float32
  float scale;
  const float* bias;      // [channels], or null
  const float* residual;  // like y, or null
  float* sum;
};
DRAFTP_CUDA_ENTRY int LaunchPixelSum(bool half, long long rows, int channels,
                                     const PixelSumCall& call, void* stream);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_PIXEL_SUM_H_
