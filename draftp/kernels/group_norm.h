// Group norms, with SiLU behind them if asked.
#ifndef DRAFTP_KERNELS_GROUP_NORM_H_
#define DRAFTP_KERNELS_GROUP_NORM_H_

#include <cstdint>

#include "draftp/kernels/cuda_entry.h"

namespace at {
class Tensor;
}

namespace draftp::kernels {

// act(GroupNorm(x)), Wu & He, "Group Normalization", 2018; act is SiLU or nothing. x [R,C,h,w] in
// any memory format -> same, channels-last where a kernel of ours serves. weight, bias [C], C a
// multiple of `groups`. Statistics and arithmetic are float32 on a GPU, as LibTorch has them
// elsewhere; differentiable.
at::Tensor GroupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     int64_t groups, double eps, bool silu);

// The two halves of it, without gradients, for pictures that are normalised a part at a time:
// [R,groups,2], mean and 1 / standard deviation, float32 (float64 of a float64 x).
at::Tensor GroupStatistics(const at::Tensor& x, int64_t groups, double eps);
// act((x - mean) / deviation * weight + bias) by such statistics; x may be rows of what these are
// of. In x's dtype, or in float16 where `in_half`.
at::Tensor NormaliseGroups(const at::Tensor& x, const at::Tensor& statistics,
                           const at::Tensor& weight, const at::Tensor& bias, bool silu,
                           bool in_half = false);

// What follows is between group_norm.cc and group_norm.cu.

inline constexpr int kMostChannelsPerGroup = 512;

// Channels-last pixels: element (image, pixel, channel) lies at
// (image * pixels + pixel) * channels + channel. Channels are even in number and at most
// kMostChannelsPerGroup a group.
struct GroupNormShape {
  long long images, pixels;
  int channels, groups;
};

// Parts into which an image's pixels are cut, each for a block of its own.
constexpr int GroupNormChunks(const GroupNormShape& shape) {
  constexpr long long kLeastPixels = 1024, kMostChunks = 64;  // a block reads its image's sums
  const long long chunks = (shape.pixels + kLeastPixels - 1) / kLeastPixels;
  return static_cast<int>(chunks < kMostChunks ? chunks : kMostChunks);
}

enum class GroupNormPart { kWhole, kStatistics, kNormalise };

struct GroupNormForward {
  const void *x, *weight, *bias;  // of one dtype; weight, bias [channels]
  void* y;                        // [images, pixels, channels]
  float* statistics;  // [images, groups, 2]: mean and 1 / standard deviation; read by kNormalise
  float* sums;        // [images, chunks, groups, 2], unread where chunks is 1
  double eps;
  bool silu;
  GroupNormPart part = GroupNormPart::kWhole;  // kStatistics: x, statistics, sums and eps alone
  bool half_result = false;                    // y is float16, of a float32 x
};
DRAFTP_CUDA_ENTRY int LaunchGroupNorm(KernelDtype dtype, const GroupNormShape& shape,
                                      const GroupNormForward& call, void* stream);

struct GroupNormBackward {
  const void *x, *weight, *bias, *y_gradient;
  const float* statistics;
  void* x_gradient;
  // [images, chunks, channels, 2]: sums over the chunk's pixels of the gradient g behind SiLU and
  // of g times the normalised x, which are what the gradients of bias and weight sum up.
  float* sums;
  bool silu;
};
DRAFTP_CUDA_ENTRY int LaunchGroupNormBackward(KernelDtype dtype, const GroupNormShape& shape,
                                              const GroupNormBackward& call, void* stream);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_GROUP_NORM_H_
