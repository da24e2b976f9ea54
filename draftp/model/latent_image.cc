// Turns decoded images into the bytes of a picture file: range check, truncation, channels last.
#include "draftp/model/latent_image.h"

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

namespace draftp {

at::Tensor TruncateToRgb8(const at::Tensor& images) {
  TORCH_CHECK(images.dim() == 4 && images.size(1) == 3, "images must be [B,3,H,W], got ",
              images.sizes());
  const at::Tensor pixels = images.detach().to(at::kCPU);
  if (pixels.numel() > 0) {
    const double low = pixels.min().item<double>();  // NaN spreads through min and max
    const double high = pixels.max().item<double>();
    TORCH_CHECK(low >= 0 && high <= 255, "pixel values must be in [0,255], got [", low, ", ", high,
                "]");
  }
  return pixels.to(at::kByte).permute({0, 2, 3, 1}).contiguous();  // [B,H,W,3]
}

}  // namespace draftp
