// A weighing function confined to a part of the run.
#ifndef DRAFTP_SCHEDULE_INTERVAL_WEIGHING_H_
#define DRAFTP_SCHEDULE_INTERVAL_WEIGHING_H_

#include <string>
#include <utility>

#include "draftp/schedule/constant_weighing.h"
#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = inner if a <= x < b else 0. The coordinate is the bounds'; the inner function has its own:
// interval(0.3,5,linear)@sigma is i/N while 0.3 <= sigma < 5.
template <Coordinate X, Weighing W>
class IntervalWeighing {
 public:
  // The error unless a < b, both in the coordinate's range.
  static Parsed<IntervalWeighing> Make(double a, double b, W inner) {
    if (!(X::kLowest <= a && a < b && b <= X::kHighest)) {
      return ParseError{"the bounds of interval are " + schedule_text::FormatNumber(a) + " and " +
                        schedule_text::FormatNumber(b) + ", expected a < b within " +
                        schedule_text::FormatNumber(X::kLowest) + " to " +
                        schedule_text::FormatNumber(X::kHighest) + " over " +
                        std::string(X::kName)};
    }
    return IntervalWeighing(Checked(), a, b, std::move(inner));
  }

  // Throws std::invalid_argument where Make gives an error.
  IntervalWeighing(double a, double b, W inner)
      : IntervalWeighing(Make(a, b, std::move(inner)).value()) {}

  double operator()(const StepContext& step) const {
    const double x = X::Of(step);
    return a_ <= x && x < b_ ? inner_(step) : 0;
  }

  std::string name() const
  requires NamedWeighing<W>
  {
    return "interval(" + schedule_text::FormatNumber(a_) + "," + schedule_text::FormatNumber(b_) +
           "," + std::string(inner_.name()) + ")" + schedule_text::CoordinateSuffix<X>();
  }

 private:
  struct Checked {};
  IntervalWeighing(Checked, double a, double b, W inner) : a_(a), b_(b), inner_(std::move(inner)) {}

  double a_, b_;
  W inner_;
};

static_assert(NamedWeighing<IntervalWeighing<coordinate::Sigma, DraftWeighing>>,
              "IntervalWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_INTERVAL_WEIGHING_H_
