// What a reward is: a differentiable score of images.
#ifndef DRAFTP_OBJECTIVE_REWARD_H_
#define DRAFTP_OBJECTIVE_REWARD_H_

#include <ATen/core/Tensor.h>

#include <concepts>
#include <span>
#include <string>

namespace draftp {

// r(images, captions) -> [B] float32, higher is better:
// - images [B,3,H,W] in [0,255], any height, width and memory format; one caption an image.
// - finite, a function of its arguments alone, image i's score of image i and caption i alone;
//   differentiable in the images almost everywhere, with gradients that aren't zero everywhere.
// - the result is float64 where images and the reward's weights (if it has any) are.
// - name() says which reward it is, with its version: "PickScore", "HPSv2.1".
template <class R>
concept Reward =
    requires(const R& r, const at::Tensor& images, std::span<const std::string> captions) {
      { r(images, captions) } -> std::same_as<at::Tensor>;
      { r.name() } -> std::convertible_to<std::string>;
    };

// A reward in two halves: r(images, captions) == r.Score(images, r.EncodeCaptions(captions)).
// - EncodeCaptions: what it needs to know of the captions, [B,...], on the device, without
//   gradient; row i belongs to caption i, so that rows can be kept and put together. [B,0] where
//   captions don't count.
// - Score: [B]; waits for no device, so that it can be captured in a CUDA graph.
template <class R>
concept CaptionedReward =
    Reward<R> && requires(const R& r, const at::Tensor& images, const at::Tensor& text,
                          std::span<const std::string> captions) {
      { r.EncodeCaptions(captions) } -> std::same_as<at::Tensor>;
      { r.Score(images, text) } -> std::same_as<at::Tensor>;
    };

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_REWARD_H_
