// The concept Decoder: from final latents to the pixels that a reward scores.
#ifndef DRAFTP_OBJECTIVE_DECODER_H_
#define DRAFTP_OBJECTIVE_DECODER_H_

#include <ATen/core/Tensor.h>

#include <concepts>

namespace draftp {

// What latents decode to: pixels [B,3,H,W] in [0,255] with the graph to the latents, and the share
// of them that was clamped, a scalar without one.
struct DecodedImage {
  at::Tensor pixels;
  at::Tensor clamped;
};

// d(latents [B,C,h,w]) -> DecodedImage. Image b comes of latents b alone; waits for no device.
template <class D>
concept Decoder = requires(D& d, const at::Tensor& latents) {
  { d(latents) } -> std::same_as<DecodedImage>;
};

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_DECODER_H_
