// The concept NoiseSource: where a run's starting noise and the noise inside it come from.
#ifndef DRAFTP_SAMPLING_NOISE_SOURCE_H_
#define DRAFTP_SAMPLING_NOISE_SOURCE_H_

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <concepts>

namespace draftp {

// - noise.Initial(sizes): N(0,1) of sizes [B,C,h,w], f32 on the CPU; drawn once, before anything
//   else.
// - noise.Like(x): fresh N(0,1) with x's shape [B,C,h,w], dtype and device.
// Both are constants to autograd. What a source draws depends on its seeds and the order of calls
// alone, never on dtype or device.
template <class N>
concept NoiseSource = requires(N& noise, at::IntArrayRef sizes, const at::Tensor& x) {
  { noise.Initial(sizes) } -> std::same_as<at::Tensor>;
  { noise.Like(x) } -> std::same_as<at::Tensor>;
};

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_NOISE_SOURCE_H_
