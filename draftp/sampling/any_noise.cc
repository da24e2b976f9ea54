// The names of the noise sources and what they make.
#include "draftp/sampling/any_noise.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/string_view.h>

namespace draftp {
namespace {

constexpr std::string_view kPerImage = "per_image";
constexpr std::string_view kOriginal = "original";

PerImageNoise& Source(PerImageNoise& noise) { return noise; }
OriginalNoise& Source(std::shared_ptr<OriginalNoise>& noise) { return *noise; }

}  // namespace

at::Tensor AnyNoise::Initial(at::IntArrayRef sizes) {
  return std::visit([&](auto& member) { return Source(member).Initial(sizes); }, member_);
}

at::Tensor AnyNoise::Like(const at::Tensor& x) {
  return std::visit([&](auto& member) { return Source(member).Like(x); }, member_);
}

std::vector<std::string> NoiseStreams::Names() {
  return {std::string(kPerImage), std::string(kOriginal)};
}

absl::StatusOr<NoiseStreams> NoiseStreams::Named(std::string_view name, uint64_t seed,
                                                 int64_t rank) {
  if (name == kPerImage) return NoiseStreams(seed, nullptr);
  if (name == kOriginal) return NoiseStreams(seed, std::make_shared<OriginalNoise>(seed, rank));
  return absl::InvalidArgumentError(
      absl::StrCat("noise: found '", absl::string_view(name.data(), name.size()),
                   "', expected one of ", absl::StrJoin(Names(), ", ")));
}

AnyNoise NoiseStreams::ForBatch(std::span<const int64_t> images) const {
  if (original_ != nullptr) return AnyNoise(original_);
  return AnyNoise(PerImageNoise(seed_, images));
}

}  // namespace draftp
