// The learning rate that never changes.
#ifndef DRAFTP_SCHEDULE_CONSTANT_RATE_H_
#define DRAFTP_SCHEDULE_CONSTANT_RATE_H_

#include <cmath>
#include <cstdint>
#include <string>

#include "draftp/schedule/form.h"
#include "draftp/schedule/learning_rate.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"

namespace draftp {

// Text: the number, e.g. 1e-4.
class ConstantRate {
 public:
  // The error unless `rate` is finite and >= 0.
  static Parsed<ConstantRate> Make(double rate) {
    if (!(rate >= 0) || std::isinf(rate)) {
      return ParseError{"the learning rate is " + schedule_text::FormatNumber(rate) +
                        ", expected a finite number >= 0"};
    }
    ConstantRate schedule;
    schedule.rate_ = rate;
    return schedule;
  }

  // Throws std::invalid_argument where Make gives an error.
  explicit ConstantRate(double rate) : ConstantRate(Make(rate).value()) {}

  double operator()(std::int64_t) const { return rate_; }

  bool constant() const { return true; }

  std::string name() const { return schedule_text::FormatNumber(rate_); }

  static Parsed<ConstantRate> FromTerm(const schedule_text::Term& term) {
    const Parsed<double> rate = schedule_text::ReadNumber(term);
    return rate.ok() ? Make(*rate) : ParseError{rate.error()};
  }

 private:
  ConstantRate() = default;

  double rate_ = 0;
};

static_assert(LearningRate<ConstantRate>, "ConstantRate is a learning-rate schedule");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_CONSTANT_RATE_H_
