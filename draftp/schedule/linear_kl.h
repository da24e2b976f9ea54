// The KL coefficient that goes from one value to another in a straight line.
#ifndef DRAFTP_SCHEDULE_LINEAR_KL_H_
#define DRAFTP_SCHEDULE_LINEAR_KL_H_

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

// from + (to - from) min(step / steps, 1). Text: linear(from,to,steps).
class LinearKl {
 public:
  // The error unless from and to are finite and >= 0 and steps >= 1.
  static Parsed<LinearKl> Make(double from, double to, std::int64_t steps) {
    const bool finite = std::isfinite(from) && std::isfinite(to);
    if (!finite || from < 0 || to < 0 || steps < 1) {
      return ParseError{"linear goes from " + schedule_text::FormatNumber(from) + " to " +
                        schedule_text::FormatNumber(to) + " in " + std::to_string(steps) +
                        " steps, expected finite numbers >= 0 and at least 1 step"};
    }
    LinearKl schedule;
    schedule.from_ = from;
    schedule.to_ = to;
    schedule.steps_ = steps;
    return schedule;
  }

  // Throws std::invalid_argument where Make gives an error.
  LinearKl(double from, double to, std::int64_t steps) : LinearKl(Make(from, to, steps).value()) {}

  double Initial() const { return from_; }

  double Next(double, std::int64_t step, double) const {
    return std::lerp(from_, to_,
                     std::min(static_cast<double>(step + 1) / static_cast<double>(steps_), 1.0));
  }

  bool constant() const { return from_ == to_; }

  std::string name() const {
    return "linear(" + schedule_text::FormatNumber(from_) + "," + schedule_text::FormatNumber(to_) +
           "," + std::to_string(steps_) + ")";
  }

  static Parsed<LinearKl> FromTerm(const schedule_text::Term& term) {
    const Parsed<std::vector<double>> numbers = schedule_text::ReadNumbers(term, 3, 3);
    if (!numbers.ok()) return ParseError{numbers.error()};
    const Parsed<std::int64_t> steps = schedule_text::ToCount((*numbers)[2], "steps");
    if (!steps.ok()) return ParseError{steps.error()};
    return Make((*numbers)[0], (*numbers)[1], *steps);
  }

 private:
  LinearKl() = default;

  double from_ = 0, to_ = 0;
  std::int64_t steps_ = 1;
};

static_assert(KlSchedule<LinearKl>, "LinearKl is a KL schedule");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_LINEAR_KL_H_
