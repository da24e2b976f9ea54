// The learning rate that falls along half a cosine.
#ifndef DRAFTP_SCHEDULE_COSINE_RATE_H_
#define DRAFTP_SCHEDULE_COSINE_RATE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "draftp/schedule/form.h"
#include "draftp/schedule/learning_rate.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"

namespace draftp {

// to + (from - to) (1 + cos(pi min(step / steps, 1))) / 2. Text: cosine(from,to,steps).
class CosineRate {
 public:
  // The error unless 0 <= to <= from, both finite, and steps >= 1.
  static Parsed<CosineRate> Make(double from, double to, std::int64_t steps) {
    if (!(to >= 0 && to <= from) || std::isinf(from) || steps < 1) {
      return ParseError{"cosine goes from " + schedule_text::FormatNumber(from) + " to " +
                        schedule_text::FormatNumber(to) + " in " + std::to_string(steps) +
                        " steps, expected from >= to >= 0 and at least 1 step"};
    }
    CosineRate schedule;
    schedule.from_ = from;
    schedule.to_ = to;
    schedule.steps_ = steps;
    return schedule;
  }

  // Throws std::invalid_argument where Make gives an error.
  CosineRate(double from, double to, std::int64_t steps)
      : CosineRate(Make(from, to, steps).value()) {}

  double operator()(std::int64_t step) const {
    const double part = std::min(static_cast<double>(step) / static_cast<double>(steps_), 1.0);
    return std::lerp(to_, from_, (1 + std::cos(std::numbers::pi * part)) / 2);
  }

  bool constant() const { return from_ == to_; }

  std::string name() const {
    return "cosine(" + schedule_text::FormatNumber(from_) + "," + schedule_text::FormatNumber(to_) +
           "," + std::to_string(steps_) + ")";
  }

  static Parsed<CosineRate> FromTerm(const schedule_text::Term& term) {
    const Parsed<std::vector<double>> numbers = schedule_text::ReadNumbers(term, 3, 3);
    if (!numbers.ok()) return ParseError{numbers.error()};
    const Parsed<std::int64_t> steps = schedule_text::ToCount((*numbers)[2], "steps");
    if (!steps.ok()) return ParseError{steps.error()};
    return Make((*numbers)[0], (*numbers)[1], *steps);
  }

 private:
  CosineRate() = default;

  double from_ = 0, to_ = 0;
  std::int64_t steps_ = 1;
};

static_assert(LearningRate<CosineRate>, "CosineRate is a learning-rate schedule");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_COSINE_RATE_H_
