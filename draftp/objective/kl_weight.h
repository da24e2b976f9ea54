// The weight of each step in a KL term, by name.
#ifndef DRAFTP_OBJECTIVE_KL_WEIGHT_H_
#define DRAFTP_OBJECTIVE_KL_WEIGHT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

inline std::vector<std::string> KlWeightNames() { return {"one", "half", "inverse_sigma_squared"}; }

inline std::optional<KlWeight> ParseKlWeight(std::string_view name) {
  if (name == "one") return KlWeight::kOne;
  if (name == "half") return KlWeight::kHalf;
  if (name == "inverse_sigma_squared") return KlWeight::kInverseSigmaSquared;
  return std::nullopt;
}

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_KL_WEIGHT_H_
