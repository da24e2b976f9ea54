// The weighing function that switches from the base to the tuned model once.
#ifndef DRAFTP_SCHEDULE_STEP_WEIGHING_H_
#define DRAFTP_SCHEDULE_STEP_WEIGHING_H_

#include <string>

#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/form.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/term.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = 1 if x >= f else 0. Over the step fraction, step_0.6 gives the last 40% of the steps to the
// tuned model and step_1 none. Over a falling coordinate (time, sigma) the *early* steps are the
// tuned model's; ReversedWeighing turns that round. Text: step_0.6, step_2@sigma.
template <Coordinate X = coordinate::StepFraction>
class StepWeighing {
 public:
  // The error if f is outside the coordinate's range.
  static Parsed<StepWeighing> Make(double f) {
    if (!(f >= X::kLowest && f <= X::kHighest)) {
      return ParseError{"the threshold of step_f is " + schedule_text::FormatNumber(f) +
                        ", expected " + schedule_text::FormatNumber(X::kLowest) +
                        " <= f <= " + schedule_text::FormatNumber(X::kHighest) + " over " +
                        std::string(X::kName)};
    }
    StepWeighing weighing;
    weighing.threshold_ = f;
    return weighing;
  }

  // Throws std::invalid_argument where Make gives an error.
  explicit StepWeighing(double f) : StepWeighing(Make(f).value()) {}

  double operator()(const StepContext& step) const { return X::Of(step) >= threshold_ ? 1 : 0; }

  std::string name() const {
    return "step_" + schedule_text::FormatNumber(threshold_) + schedule_text::CoordinateSuffix<X>();
  }

  static Parsed<StepWeighing> FromTerm(const schedule_text::Term& term) {
    const Parsed<double> f = schedule_text::ReadSuffix(term, "step_");
    return f.ok() ? Make(*f) : ParseError{f.error()};
  }

 private:
  StepWeighing() = default;

  double threshold_ = 0;
};

static_assert(NamedWeighing<StepWeighing<>>, "StepWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_STEP_WEIGHING_H_
