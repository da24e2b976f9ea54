// Group normalisation of channels-last pictures into memory that a convolution reads.
#ifndef DRAFTP_KERNELS_CPU_GROUP_NORM_H_
#define DRAFTP_KERNELS_CPU_GROUP_NORM_H_

#include <cstdint>

namespace draftp::cpu {

// R pictures of h x w pixels of C channels, one after the other.
struct Pictures {
  const float* data;
  int64_t images, height, width, channels;

  int64_t pixels() const { return height * width; }
};

// Where a picture is written: pixel (y, x) of image r at data + r image + y row + x C. A border of
// `padding` pixels around each is zeroed.
struct PaddedPictures {
  float* data;
  int64_t image, row;
  int64_t padding;
};

struct GroupNormWeights {
  const float *weight, *bias;  // [C]
  int64_t groups;
  double eps;
};

// Wu & He, "Group Normalization", 2018; SiLU behind it if asked. Statistics in float64 over partial
// sums in float32.
void GroupNormInto(const Pictures& x, const GroupNormWeights& norm, bool silu,
                   const PaddedPictures& output);

void CopyInto(const Pictures& x, const PaddedPictures& output);

}  // namespace draftp::cpu

#endif  // DRAFTP_KERNELS_CPU_GROUP_NORM_H_
