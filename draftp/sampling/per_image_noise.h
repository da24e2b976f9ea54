// Noise by (seed, global image index) alone: the default.
#ifndef DRAFTP_SAMPLING_PER_IMAGE_NOISE_H_
#define DRAFTP_SAMPLING_PER_IMAGE_NOISE_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <span>
#include <vector>

#include "draftp/sampling/noise_source.h"

namespace draftp {

// Image g has its own CPU generator, seeded (seed + g) mod 2^64; it starts from f32
// randn([1,C,h,w]) of it, and noise inside the run goes on from there. This is what a diffusers
// user writes as a list of generators. Made anew for each run of a batch: two runs (weight types)
// of the same images see the same noise.
class PerImageNoise {
 public:
  // `images`: global indices (image_index.h) of the batch, in its order.
  PerImageNoise(uint64_t seed, std::span<const int64_t> images);
  // A copy would share the generators' state, and each would see half of a stream.
  PerImageNoise(const PerImageNoise&) = delete;
  PerImageNoise& operator=(const PerImageNoise&) = delete;
  PerImageNoise(PerImageNoise&&) = default;
  PerImageNoise& operator=(PerImageNoise&&) = default;

  at::Tensor Initial(at::IntArrayRef sizes);  // [B,C,h,w] f32, B = images.size()
  at::Tensor Like(const at::Tensor& x);       // x [B,C,h,w]

 private:
  std::vector<at::Generator> generators_;  // one an image
};

static_assert(NoiseSource<PerImageNoise>, "PerImageNoise does not satisfy NoiseSource");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_PER_IMAGE_NOISE_H_
