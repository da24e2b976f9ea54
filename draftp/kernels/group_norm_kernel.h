// Launches of the GroupNorm kernels, free of LibTorch's headers so that nvcc compiles them in
// seconds.
#ifndef DRAFTP_KERNELS_GROUP_NORM_KERNEL_H_
#define DRAFTP_KERNELS_GROUP_NORM_KERNEL_H_

#include "draftp/kernels/kernel_dtype.h"

namespace draftp {

// Channels-last pixels: element (image, pixel, channel) lies at
// (image * pixels + pixel) * channels + channel. Channels are even in number and at most 512 a
// group.
struct GroupNormShape {
  long long images, pixels;
  int channels, groups;
};

// Parts into which an image's pixels are cut, each for a block of its own.
int GroupNormChunks(const GroupNormShape& shape);

// All pointers are of the device; stream is a cudaStream_t. Both return the cudaError_t of the
// launch.
struct GroupNormForward {
  const void *x, *weight, *bias;  // of one dtype; weight, bias [channels]
  void* y;                        // [images, pixels, channels]
  float* statistics;              // [images, groups, 2]: mean and 1 / standard deviation
  float* sums;                    // [images, chunks, groups, 2], unread where chunks is 1
  double eps;
  bool silu;
};
int LaunchGroupNorm(KernelDtype dtype, const GroupNormShape& shape, const GroupNormForward& call,
                    void* stream);

struct GroupNormBackward {
  const void *x, *weight, *bias, *y_gradient;
  const float* statistics;
  void* x_gradient;
  // [images, chunks, channels, 2]: sums over the chunk's pixels of the gradient g behind SiLU and
  // of g times the normalised x, which are what the gradients of bias and weight sum up.
  float* sums;
  bool silu;
};
int LaunchGroupNormBackward(KernelDtype dtype, const GroupNormShape& shape,
                            const GroupNormBackward& call, void* stream);

}  // namespace draftp

#endif  // DRAFTP_KERNELS_GROUP_NORM_KERNEL_H_
