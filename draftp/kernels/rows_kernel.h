// Launches of kernels over rows of channels, free of LibTorch's headers so that nvcc compiles them
// in seconds. All pointers are of the device; stream is a cudaStream_t; they return the cudaError_t
// of the launch. Rows are contiguous and an even number of channels long.
#ifndef DRAFTP_KERNELS_ROWS_KERNEL_H_
#define DRAFTP_KERNELS_ROWS_KERNEL_H_

#include "draftp/kernels/kernel_dtype.h"

namespace draftp {

struct LayerNormForward {
  const void *x, *weight, *bias;  // of one dtype; x [rows, channels]
  void* y;
  float *mean, *inverse;  // [rows]; 1 / standard deviation
  double eps;
};
int LaunchLayerNorm(KernelDtype dtype, long long rows, int channels, const LayerNormForward& call,
                    void* stream);

// x [rows, 2 * channels], values then gates; y = values * gelu(gates) [rows, channels], the exact
// form with erf.
int LaunchGatedGelu(KernelDtype dtype, long long rows, int channels, const void* x, void* y,
                    void* stream);
int LaunchGatedGeluBackward(KernelDtype dtype, long long rows, int channels, const void* x,
                            const void* y_gradient, void* x_gradient, void* stream);

// What is added to y [rows * pixels, channels]; null adds nothing.
struct AddendsCall {
  const void* y;
  const void* bias;      // [channels]
  const void* image;     // [rows or 1, channels], to every pixel of a row
  bool image_per_row;    // `image` has `rows` rows
  const void* residual;  // like y
  void* sum;
};
int LaunchAddends(KernelDtype dtype, long long rows, long long pixels, int channels,
                  const AddendsCall& call, void* stream);

}  // namespace draftp

#endif  // DRAFTP_KERNELS_ROWS_KERNEL_H_
