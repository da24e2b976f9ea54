// Noise as the original program drew it: one stream for each rank, to compare runs with upstream's.
#ifndef DRAFTP_SAMPLING_ORIGINAL_NOISE_H_
#define DRAFTP_SAMPLING_ORIGINAL_NOISE_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>

#include "draftp/sampling/noise_source.h"

namespace draftp {

// (seed + 1247837 * rank) mod (2^32 - 1), for rank >= 0.
uint64_t OriginalNoiseSeed(uint64_t seed, int64_t rank);

// One CPU generator seeded so, drawn image by image in order over all batches of the rank; made
// afresh for each weight type. Upstream draws a batch at once: the same numbers wherever C*h*w is a
// multiple of 16. Unlike PerImageNoise it depends on the rank, and inside a run on the batch size.
class OriginalNoise {
 public:
  explicit OriginalNoise(uint64_t seed, int64_t rank = 0);
  // A copy would share the generator's state.
  OriginalNoise(const OriginalNoise&) = delete;
  OriginalNoise& operator=(const OriginalNoise&) = delete;
  OriginalNoise(OriginalNoise&&) = default;
  OriginalNoise& operator=(OriginalNoise&&) = default;

  at::Tensor Initial(at::IntArrayRef sizes);  // [B,C,h,w] f32, any B: the next B images
  at::Tensor Like(const at::Tensor& x);

 private:
  at::Generator generator_;
};

static_assert(NoiseSource<OriginalNoise>, "OriginalNoise does not satisfy NoiseSource");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_ORIGINAL_NOISE_H_
