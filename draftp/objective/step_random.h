// Random numbers that are a function of (seed, step, purpose) alone, so a resumed run draws what
// an uninterrupted one does and nothing need be saved. The standard library only.
#ifndef DRAFTP_OBJECTIVE_STEP_RANDOM_H_
#define DRAFTP_OBJECTIVE_STEP_RANDOM_H_

#include <cmath>
#include <cstdint>
#include <numbers>
#include <stdexcept>
#include <string>
#include <string_view>

namespace draftp {

// The output function of SplitMix64, a bijection of 64 bits. Steele, Lea, Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014, with Stafford's constants ("Mix13").
constexpr uint64_t SplitMix64Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// FNV-1a of 64 bits. Fowler, Noll, Vo; draft-eastlake-fnv.
constexpr uint64_t Fnv1a64(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

// The stream of random numbers that one purpose ("truncation", "caption_order", ...) uses in one
// step: SplitMix64 from mix(mix(mix(seed + g) + step + g) + FNV-1a(purpose) + g) with
// g = 0x9E3779B97F4A7C15. Other seeds, steps or purposes give unrelated streams.
//
//   StepRandom random(config.seed, step, "refl_step");
//   const int64_t chosen = random.Uniform(low, high);
class StepRandom {
 public:
  StepRandom(uint64_t seed, int64_t step, std::string_view purpose)
      : state_(Mixed(Mixed(Mixed(seed) + static_cast<uint64_t>(step)) + Fnv1a64(purpose))) {}

  // 64 uniform bits.
  uint64_t Next() {
    state_ += kGamma;
    return SplitMix64Mix(state_);
  }

  // Uniform over low..high, both included and low <= high (else std::invalid_argument); without
  // bias: draws in the last, incomplete part of 2^64 are drawn again.
  int64_t Uniform(int64_t low, int64_t high) {
    if (low > high) {
      throw std::invalid_argument("StepRandom::Uniform: found low " + std::to_string(low) +
                                  " above high " + std::to_string(high));
    }
    const uint64_t count = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
    if (count == 0) return static_cast<int64_t>(Next());  // all 2^64
    const uint64_t rejected = (0 - count) % count;        // 2^64 mod count
    uint64_t draw = Next();
    while (draw < rejected) draw = Next();
    return static_cast<int64_t>(static_cast<uint64_t>(low) + draw % count);
  }

  // Uniform over the multiples of 2^-53 in [0, 1).
  double Uniform01() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

  // Gaussian of that mean and standard deviation; Box and Muller 1958, the cosine alone: two draws.
  double Normal(double mean, double standard_deviation) {
    const double radius = std::sqrt(-2 * std::log(1 - Uniform01()));  // the logarithm of (0, 1]
    return mean + standard_deviation * radius * std::cos(2 * std::numbers::pi * Uniform01());
  }

 private:
  static constexpr uint64_t kGamma = 0x9E3779B97F4A7C15u;
  static constexpr uint64_t Mixed(uint64_t value) { return SplitMix64Mix(value + kGamma); }

  uint64_t state_;
};

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_STEP_RANDOM_H_
