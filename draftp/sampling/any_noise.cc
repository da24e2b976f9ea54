// The names of the noise sources and what they make.
#include "draftp/sampling/any_noise.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

namespace draftp {
namespace {

PerImageNoise& Source(PerImageNoise& noise) { return noise; }
OriginalNoise& Source(std::shared_ptr<OriginalNoise>& noise) { return *noise; }

}  // namespace

at::Tensor AnyNoise::Initial(at::IntArrayRef sizes) {
  return std::visit([&](auto& member) { return Source(member).Initial(sizes); }, member_);
}

at::Tensor AnyNoise::Like(const at::Tensor& x) {
  return std::visit([&](auto& member) { return Source(member).Like(x); }, member_);
}

const Registry<NoiseStreams, NoiseSeed>& NoiseStreams::Members() {
  static constexpr Registered<NoiseStreams, NoiseSeed> kMembers[] = {
      {"per_image", [](const NoiseSeed& from) { return NoiseStreams(from.seed, nullptr); }},
      {"original",
       [](const NoiseSeed& from) {
         return NoiseStreams(from.seed, std::make_shared<OriginalNoise>(from.seed, from.rank));
       }},
  };
  static constexpr Registry kRegistry(kMembers);
  return kRegistry;
}

absl::StatusOr<NoiseStreams> NoiseStreams::Named(std::string_view name, uint64_t seed,
                                                 int64_t rank) {
  if (const auto* const member = Members().Find(name)) return member->make({seed, rank});
  return absl::InvalidArgumentError(absl::StrCat("noise: found '",
                                                 absl::string_view(name.data(), name.size()),
                                                 "', expected one of ", Members().List()));
}

AnyNoise NoiseStreams::ForBatch(std::span<const int64_t> images) const {
  if (original_ != nullptr) return AnyNoise(original_);
  return AnyNoise(PerImageNoise(seed_, images));
}

}  // namespace draftp
