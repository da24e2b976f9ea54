// The KL coefficient under a controller that keeps the measured KL near a target.
#ifndef DRAFTP_SCHEDULE_TARGET_KL_H_
#define DRAFTP_SCHEDULE_TARGET_KL_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "draftp/schedule/form.h"
#include "draftp/schedule/kl_schedule.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"

namespace draftp {

// The proportional controller in log space of Ziegler et al. (arXiv 1909.08593, section 2.2):
//   coefficient *= 1 + gain clamp(kl / target - 1, -0.2, 0.2)
// raises it above the target and lowers it below. It stays within a factor 1e6 of its initial
// value. Text: target(kl,initial), target(kl,initial,gain); gain is 0.1 by default.
class TargetKl {
 public:
  static constexpr double kGain = 0.1;

  // The error unless target and initial are in [1e-12, 1e12] and 0 < gain <= 1.
  static Parsed<TargetKl> Make(double target, double initial, double gain = kGain) {
    using schedule_text::FormatNumber;
    const auto moderate = [](double x) { return x >= 1e-12 && x <= 1e12; };
    if (!moderate(target) || !moderate(initial) || !(gain > 0 && gain <= 1)) {
      return ParseError{"target has kl " + FormatNumber(target) + ", initial coefficient " +
                        FormatNumber(initial) + " and gain " + FormatNumber(gain) +
                        ", expected the first two in 1e-12 to 1e12 and 0 < gain <= 1"};
    }
    TargetKl schedule;
    schedule.target_ = target;
    schedule.initial_ = initial;
    schedule.gain_ = gain;
    return schedule;
  }

  // Throws std::invalid_argument where Make gives an error.
  TargetKl(double target, double initial, double gain = kGain)
      : TargetKl(Make(target, initial, gain).value()) {}

  double Initial() const { return initial_; }

  double Next(double coefficient, std::int64_t, double kl) const {
    if (!std::isfinite(kl)) return coefficient;
    const double error = std::clamp(kl / target_ - 1, -0.2, 0.2);
    return std::clamp(coefficient * (1 + gain_ * error), initial_ * 1e-6, initial_ * 1e6);
  }

  bool constant() const { return false; }

  std::string name() const {
    using schedule_text::FormatNumber;
    return "target(" + FormatNumber(target_) + "," + FormatNumber(initial_) +
           (gain_ == kGain ? "" : "," + FormatNumber(gain_)) + ")";
  }

  static Parsed<TargetKl> FromTerm(const schedule_text::Term& term) {
    const Parsed<std::vector<double>> numbers = schedule_text::ReadNumbers(term, 2, 3);
    if (!numbers.ok()) return ParseError{numbers.error()};
    return Make((*numbers)[0], (*numbers)[1], numbers->size() == 3 ? (*numbers)[2] : kGain);
  }

 private:
  TargetKl() = default;

  double target_ = 1, initial_ = 1, gain_ = kGain;
};

static_assert(KlSchedule<TargetKl>, "TargetKl is a KL schedule");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_TARGET_KL_H_
