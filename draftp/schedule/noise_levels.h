// The concept of noise levels: the sigmas that a run of N steps passes through.
#ifndef DRAFTP_SCHEDULE_NOISE_LEVELS_H_
#define DRAFTP_SCHEDULE_NOISE_LEVELS_H_

#include <concepts>
#include <stdexcept>
#include <string>
#include <vector>

#include "draftp/schedule/ddpm_table.h"

namespace draftp {

// What a checkpoint says of the levels that it was trained on.
struct TrainedLevels {
  DdpmTable table = DdpmTable::Standard();
  int steps_offset = 0;  // of diffusers' spacing "leading"
};

// Semantics of Sigmas(n): n + 1 finite values, strictly descending, positive but for the last,
// which is 0; the same n always gives the same values. Throws std::invalid_argument for an n that
// the levels can't give. noise_levels_conformance.h tests these.
template <class L>
concept NoiseLevels = requires(const L& levels, int n) {
  { levels.Sigmas(n) } -> std::convertible_to<std::vector<double>>;
};

// NoiseLevels that know their text and their limit: Sigmas(n) is right for 1 <= n <= max_steps(),
// which a program checks before it believes a flag. `name()` is canonical.
template <class L>
concept NamedNoiseLevels = NoiseLevels<L> && requires(const L& levels) {
  { levels.name() } -> std::convertible_to<std::string>;
  { levels.max_steps() } -> std::convertible_to<int>;
};

// For a member's Sigmas: throws std::invalid_argument unless 1 <= n <= levels.max_steps().
template <class L>
void CheckSteps(const L& levels, int n) {
  if (n >= 1 && n <= levels.max_steps()) return;
  throw std::invalid_argument(std::to_string(n) + " steps of noise levels " + levels.name() +
                              ", which have 1 to " + std::to_string(levels.max_steps()));
}

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_NOISE_LEVELS_H_
