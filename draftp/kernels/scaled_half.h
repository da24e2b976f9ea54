// Tensors in float16, which a power of two brings into its range: products of them, accumulated in
// float32, have a mantissa as long as TF32's at twice its rate.
#ifndef DRAFTP_KERNELS_SCALED_HALF_H_
#define DRAFTP_KERNELS_SCALED_HALF_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace draftp::kernels {

// What values * 2^-exponent stand for.
struct ScaledHalf {
  at::Tensor values;  // float16, channels-last in memory
  int exponent = 0;
};

// A picture [R,C,h,w], float32. Its values may be large (a residual stream): up to 4 million, of
// which those below 0.004 have an error of 4e-6; what is larger becomes infinite. One of float16 is
// taken as it is.
ScaledHalf PictureInHalf(const at::Tensor& x);

// A convolution's weight [out,in,k,k]. The longest of its rows gets a length of about 1: of inputs
// of deviation 1 a result overflows beyond 60 thousand deviations. Waits for the weight's device.
ScaledHalf WeightInHalf(const at::Tensor& weight);

// The float32 tensor that it stands for.
at::Tensor Unscaled(const ScaledHalf& half);

}  // namespace draftp::kernels

#endif  // DRAFTP_KERNELS_SCALED_HALF_H_
