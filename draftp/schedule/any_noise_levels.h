// AnyNoiseLevels: noise levels chosen at run time.
#ifndef DRAFTP_SCHEDULE_ANY_NOISE_LEVELS_H_
#define DRAFTP_SCHEDULE_ANY_NOISE_LEVELS_H_

#include <concepts>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "draftp/schedule/noise_levels.h"

namespace draftp {

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

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_ANY_NOISE_LEVELS_H_
