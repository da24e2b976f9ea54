// The weighing function that is a power of its coordinate.
#ifndef DRAFTP_SCHEDULE_POWER_WEIGHING_H_
#define DRAFTP_SCHEDULE_POWER_WEIGHING_H_

#include <cmath>
#include <string>

#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/term.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = x^p, p >= 0; power_0 is 1 everywhere, also at x = 0. Text: power_2.5, power_2@time.
template <UnitCoordinate X = coordinate::StepFraction>
class PowerWeighing {
 public:
  // The error if p isn't finite and >= 0.
  static Parsed<PowerWeighing> Make(double p) {
    if (!(p >= 0) || std::isinf(p)) {
      return ParseError{"the exponent of power_p is " + schedule_text::FormatNumber(p) +
                        ", expected a finite p >= 0"};
    }
    PowerWeighing weighing;
    weighing.p_ = p;
    return weighing;
  }

  // Throws std::invalid_argument where Make gives an error.
  explicit PowerWeighing(double p) : PowerWeighing(Make(p).value()) {}

  double operator()(const StepContext& step) const { return std::pow(X::Of(step), p_); }

  std::string name() const {
    return "power_" + schedule_text::FormatNumber(p_) + schedule_text::CoordinateSuffix<X>();
  }

  static Parsed<PowerWeighing> FromTerm(const schedule_text::Term& term) {
    const Parsed<double> p = schedule_text::ReadSuffix(term, "power_");
    return p.ok() ? Make(*p) : ParseError{p.error()};
  }

 private:
  PowerWeighing() = default;

  double p_ = 0;
};

static_assert(NamedWeighing<PowerWeighing<>>, "PowerWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_POWER_WEIGHING_H_
