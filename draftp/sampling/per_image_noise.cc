// One generator an image.
#include "draftp/sampling/per_image_noise.h"

#include <c10/util/Exception.h>

#include "draftp/sampling/generator_noise.h"

namespace draftp {

PerImageNoise::PerImageNoise(uint64_t seed, std::span<const int64_t> images) {
  TORCH_CHECK(!images.empty(), "noise for no images");
  generators_.reserve(images.size());
  for (const int64_t image : images) {
    TORCH_CHECK(image >= 0, "global image index ", image, " is negative");
    generators_.push_back(internal::CpuGenerator(seed + static_cast<uint64_t>(image)));
  }
}

at::Tensor PerImageNoise::Initial(at::IntArrayRef sizes) {
  TORCH_CHECK(!sizes.empty() && sizes[0] == static_cast<int64_t>(generators_.size()),
              "noise of sizes ", sizes, " for ", generators_.size(), " images");
  return internal::NormalPerImage(sizes, generators_, at::kFloat, at::kCPU);
}

at::Tensor PerImageNoise::Like(const at::Tensor& x) {
  TORCH_CHECK(x.dim() > 0 && x.size(0) == static_cast<int64_t>(generators_.size()),
              "noise of sizes ", x.sizes(), " for ", generators_.size(), " images");
  return internal::NormalPerImage(x.sizes(), generators_, x.scalar_type(), x.device());
}

}  // namespace draftp
