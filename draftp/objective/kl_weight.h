// The weight of each step in a KL term, by name.
#ifndef DRAFTP_OBJECTIVE_KL_WEIGHT_H_
#define DRAFTP_OBJECTIVE_KL_WEIGHT_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "draftp/schedule/registry.h"

namespace draftp {

// Two Gaussians of one variance s^2 have KL |m1 - m2|^2 / (2 s^2): what stands before the squared
// difference of noise estimates depends on which variance is meant.
enum class KlWeight : uint8_t {
  kOne,                  // the original's: the mean squared difference as it is
  kHalf,                 // unit variance
  kInverseSigmaSquared,  // 1 / sigma^2
};

inline double WeightOf(KlWeight weight, double sigma) {
  switch (weight) {
    case KlWeight::kOne:
      return 1.0;
    case KlWeight::kHalf:
      return 0.5;
    case KlWeight::kInverseSigmaSquared:
      return 1.0 / (sigma * sigma);
  }
  return 1.0;
}

struct NoKlWeightOptions {};
inline constexpr Registered<KlWeight, NoKlWeightOptions> kKlWeightMembers[] = {
    {"one", [](const NoKlWeightOptions&) { return KlWeight::kOne; }},
    {"half", [](const NoKlWeightOptions&) { return KlWeight::kHalf; }},
    {"inverse_sigma_squared",
     [](const NoKlWeightOptions&) { return KlWeight::kInverseSigmaSquared; }},
};
inline constexpr Registry kKlWeights(kKlWeightMembers);

inline std::optional<KlWeight> ParseKlWeight(std::string_view name) {
  if (const auto* const member = kKlWeights.Find(name)) return member->make({});
  return std::nullopt;
}

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_KL_WEIGHT_H_
