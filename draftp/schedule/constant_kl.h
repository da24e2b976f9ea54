// The KL coefficient that never changes.
#ifndef DRAFTP_SCHEDULE_CONSTANT_KL_H_
#define DRAFTP_SCHEDULE_CONSTANT_KL_H_

#include <cmath>
#include <cstdint>
#include <string>

#include "draftp/schedule/form.h"
#include "draftp/schedule/kl_schedule.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"

namespace draftp {

// Text: the number, e.g. 0.1.
class ConstantKl {
 public:
  // The error unless `coefficient` is finite and >= 0.
  static Parsed<ConstantKl> Make(double coefficient) {
    if (!(coefficient >= 0) || std::isinf(coefficient)) {
      return ParseError{"the KL coefficient is " + schedule_text::FormatNumber(coefficient) +
                        ", expected a finite number >= 0"};
    }
    ConstantKl schedule;
    schedule.coefficient_ = coefficient;
    return schedule;
  }

  // Throws std::invalid_argument where Make gives an error.
  explicit ConstantKl(double coefficient) : ConstantKl(Make(coefficient).value()) {}

  double Initial() const { return coefficient_; }

  double Next(double, std::int64_t, double) const { return coefficient_; }

  bool constant() const { return true; }

  std::string name() const { return schedule_text::FormatNumber(coefficient_); }

  static Parsed<ConstantKl> FromTerm(const schedule_text::Term& term) {
    const Parsed<double> coefficient = schedule_text::ReadNumber(term);
    return coefficient.ok() ? Make(*coefficient) : ParseError{coefficient.error()};
  }

 private:
  ConstantKl() = default;

  double coefficient_ = 0;
};

static_assert(KlSchedule<ConstantKl>, "ConstantKl is a KL schedule");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_CONSTANT_KL_H_
