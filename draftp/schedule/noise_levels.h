// Noise levels, the sigmas that a run of N steps passes through: the concept, the member chosen at
// run time, and the schedule of a run.
#ifndef DRAFTP_SCHEDULE_NOISE_LEVELS_H_
#define DRAFTP_SCHEDULE_NOISE_LEVELS_H_

#include <concepts>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/step_context.h"

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

// Owns a copy of any noise levels; copyable. Two are equal if their names are.
class AnyNoiseLevels {
 public:
  // L must be copyable.
  template <NamedNoiseLevels L>
  requires(!std::same_as<L, AnyNoiseLevels>)
  AnyNoiseLevels(L levels)  // NOLINT
      : name_(levels.name()),
        max_steps_(levels.max_steps()),
        sigmas_([levels = std::move(levels)](int n) { return levels.Sigmas(n); }) {}

  std::vector<double> Sigmas(int n) const { return sigmas_(n); }

  int max_steps() const { return max_steps_; }

  const std::string& name() const { return name_; }

  friend bool operator==(const AnyNoiseLevels& a, const AnyNoiseLevels& b) {
    return a.name_ == b.name_;
  }

 private:
  std::string name_;
  int max_steps_;
  std::function<std::vector<double>(int)> sigmas_;
};

static_assert(NamedNoiseLevels<AnyNoiseLevels>, "AnyNoiseLevels are themselves noise levels");

// The noise levels of a run, with the table that its network was trained on.
//   NoiseSchedule schedule{table, LegacyDdpm(table).Sigmas(25)};
struct NoiseSchedule {
  DdpmTable table;
  std::vector<double> sigmas;  // steps() + 1, descending to 0

  int steps() const { return static_cast<int>(sigmas.size()) - 1; }

  // StepAt(sigmas, index) of this table. The schedule must outlive it.
  StepContext Step(int index) const {
    StepContext step = StepAt(sigmas, index);
    step.table = &table;
    return step;
  }
};

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_NOISE_LEVELS_H_
