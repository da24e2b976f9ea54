// CLIP's preprocessing of pictures as two dense products: resize, centre crop, normalisation,
// differentiable.
#ifndef DRAFTP_REWARD_CLIP_PREPROCESS_H_
#define DRAFTP_REWARD_CLIP_PREPROCESS_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>

namespace draftp {

// The antialiased bicubic resize of `in` samples to `out` samples as a matrix [count,in] f64 whose
// rows are output samples first, ..., first + count - 1. Keys' kernel with a = -1/2, widened by
// the factor where it shrinks, its weights normalised at the border: PyTorch's
// interpolate(mode="bicubic", antialias=True, align_corners=False), which torchvision and Pillow
// agree with.
at::Tensor BicubicMatrix(int64_t in, int64_t out, int64_t first, int64_t count);

// Where torchvision's Resize(size) and CenterCrop(size) take a picture: the shorter side becomes
// `size` and the longer one int(size * longer / shorter); the crop begins at
// round((length - size) / 2), halves to even.
struct ClipCrop {
  int64_t height, width;  // after the resize
  int64_t top, left;      // of the crop

  static ClipCrop Of(int64_t height, int64_t width, int64_t size);
};

// What CLIP's models were trained with, of pixels in [0,1].
inline constexpr std::array<double, 3> kClipMean = {0.48145466, 0.4578275, 0.40821073};
inline constexpr std::array<double, 3> kClipStd = {0.26862954, 0.26130258, 0.27577711};

// Images [B,3,H,W] in [0,255] -> [B,3,size,size], (crop(resize(image)) / 255 - mean) / std.
//
// The copies of a ClipPreprocess share their matrices, which are made at the first call with a
// size, device and dtype; that call copies them to the device and can't be captured in a CUDA
// graph, those after it wait for nothing. Safe for use by several threads.
class ClipPreprocess {
 public:
  explicit ClipPreprocess(int64_t size, const std::array<double, 3>& mean = kClipMean,
                          const std::array<double, 3>& std = kClipStd);

  // Computes in float64 where images are, in float32 otherwise. Any memory format. Both
  // products and their gradients are dense, hence deterministic.
  at::Tensor operator()(const at::Tensor& images) const;

  int64_t size() const { return size_; }

 private:
  struct Matrices;
  struct Cache;
  Matrices Get(const at::Tensor& images) const;

  int64_t size_;
  std::array<double, 3> mean_, std_;
  std::shared_ptr<Cache> cache_;
};

}  // namespace draftp

#endif  // DRAFTP_REWARD_CLIP_PREPROCESS_H_
