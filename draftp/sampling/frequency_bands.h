// The low frequencies of an image: one level of a Laplacian pyramid.
#ifndef DRAFTP_SAMPLING_FREQUENCY_BANDS_H_
#define DRAFTP_SAMPLING_FREQUENCY_BANDS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/replication_pad2d.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace draftp {
namespace internal {

// x [B,C,h,w] under the binomial filter (1,4,6,4,1)/16 along both sides, its border reflected; a
// side below 3, which has nothing to reflect, repeats its edge.
inline at::Tensor Blur(const at::Tensor& x) {
  constexpr std::array<double, 5> kFilter = {1.0 / 16, 4.0 / 16, 6.0 / 16, 4.0 / 16, 1.0 / 16};
  const int64_t height = x.size(2), width = x.size(3);
  at::Tensor sum = std::min(height, width) < 3 ? at::replication_pad2d(x, {2, 2, 2, 2})
                                               : at::reflection_pad2d(x, {2, 2, 2, 2});
  for (const int64_t dim : {2, 3}) {
    const int64_t size = dim == 2 ? height : width;
    const at::Tensor padded = sum;
    sum = padded.narrow(dim, 0, size) * kFilter[0];
    for (int64_t k = 1; k < 5; ++k) sum = sum + padded.narrow(dim, k, size) * kFilter[k];
  }
  return sum;
}

inline at::Tensor Resized(const at::Tensor& x, int64_t height, int64_t width) {
  return at::upsample_bilinear2d(x, {height, width}, /*align_corners=*/false);
}

}  // namespace internal

// What of x [B,C,h,w] a Laplacian pyramid's next level keeps: blurred, halved (rounded down, at
// least 1), doubled back and blurred, by the binomial filter of 5 taps and bilinear resizing
// (Burt and Adelson 1983, as kornia's pyrdown and pyrup). x - LowFrequencies(x) is the level's
// detail. Linear; each image and channel by itself.
inline at::Tensor LowFrequencies(const at::Tensor& x) {
  const int64_t height = x.size(2), width = x.size(3);
  const at::Tensor half = internal::Resized(internal::Blur(x), std::max<int64_t>(1, height / 2),
                                            std::max<int64_t>(1, width / 2));
  return internal::Blur(internal::Resized(half, height, width));
}

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_FREQUENCY_BANDS_H_
