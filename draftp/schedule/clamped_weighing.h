// A weighing function held within bounds.
#ifndef DRAFTP_SCHEDULE_CLAMPED_WEIGHING_H_
#define DRAFTP_SCHEDULE_CLAMPED_WEIGHING_H_

#include <algorithm>
#include <string>
#include <utility>

#include "draftp/schedule/constant_weighing.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = min(max(inner, lo), hi), 0 <= lo <= hi <= 1. Text: clamp(linear,0.2,0.8).
template <Weighing W>
class ClampedWeighing {
 public:
  // The error unless 0 <= lo <= hi <= 1.
  static Parsed<ClampedWeighing> Make(W inner, double lo, double hi) {
    if (!(lo >= 0 && lo <= hi && hi <= 1)) {
      return ParseError{"the bounds of clamp are " + schedule_text::FormatNumber(lo) + " and " +
                        schedule_text::FormatNumber(hi) + ", expected 0 <= lo <= hi <= 1"};
    }
    return ClampedWeighing(Checked(), std::move(inner), lo, hi);
  }

  // Throws std::invalid_argument where Make gives an error.
  ClampedWeighing(W inner, double lo, double hi)
      : ClampedWeighing(Make(std::move(inner), lo, hi).value()) {}

  double operator()(const StepContext& step) const {
    return std::clamp<double>(inner_(step), lo_, hi_);
  }

  std::string name() const
  requires NamedWeighing<W>
  {
    return "clamp(" + std::string(inner_.name()) + "," + schedule_text::FormatNumber(lo_) + "," +
           schedule_text::FormatNumber(hi_) + ")";
  }

 private:
  struct Checked {};
  ClampedWeighing(Checked, W inner, double lo, double hi)
      : inner_(std::move(inner)), lo_(lo), hi_(hi) {}

  W inner_;
  double lo_, hi_;
};

static_assert(NamedWeighing<ClampedWeighing<DraftWeighing>>,
              "ClampedWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_CLAMPED_WEIGHING_H_
