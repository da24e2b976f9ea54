// The noise source that a run's settings name, chosen at run time.
#ifndef DRAFTP_SAMPLING_ANY_NOISE_H_
#define DRAFTP_SAMPLING_ANY_NOISE_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/original_noise.h"
#include "draftp/sampling/per_image_noise.h"
#include "draftp/schedule/registry.h"

namespace draftp {

// The noise of one batch: its own, or a rank's stream, which goes on from batch to batch.
class AnyNoise {
 public:
  using Member = std::variant<PerImageNoise, std::shared_ptr<OriginalNoise>>;
  explicit AnyNoise(Member member) : member_(std::move(member)) {}

  at::Tensor Initial(at::IntArrayRef sizes);
  at::Tensor Like(const at::Tensor& x);

 private:
  Member member_;
};

static_assert(NoiseSource<AnyNoise>, "AnyNoise does not satisfy NoiseSource");

struct NoiseSeed {
  uint64_t seed;
  int64_t rank;
};

// Hands out each batch's noise. Made anew for each weight type, so that all see the same noise.
//   absl::StatusOr<NoiseStreams> streams = NoiseStreams::Named("per_image", seed, rank);
//   AnyNoise noise = streams->ForBatch(images);
class NoiseStreams {
 public:
  // `name`: "per_image" or "original"; any other is an InvalidArgument that lists them.
  static absl::StatusOr<NoiseStreams> Named(std::string_view name, uint64_t seed, int64_t rank);
  static const Registry<NoiseStreams, NoiseSeed>& Members();
  static std::vector<std::string> Names() { return Members().Names(); }
  // Whether image g's noise is a function of (seed, g) alone, whatever is drawn before it.
  static bool PerImage(std::string_view name) {
    const auto streams = Named(name, 0, 0);
    return streams.ok() && streams->per_image();
  }
  bool per_image() const { return original_ == nullptr; }

  // `images`: the batch's global indices, in order.
  AnyNoise ForBatch(std::span<const int64_t> images) const;

 private:
  NoiseStreams(uint64_t seed, std::shared_ptr<OriginalNoise> original)
      : seed_(seed), original_(std::move(original)) {}

  uint64_t seed_;
  std::shared_ptr<OriginalNoise> original_;  // null: per image
};

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_ANY_NOISE_H_
