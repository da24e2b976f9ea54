// The weighing function that is its coordinate: i/N by default.
#ifndef DRAFTP_SCHEDULE_LINEAR_WEIGHING_H_
#define DRAFTP_SCHEDULE_LINEAR_WEIGHING_H_

#include <string>

#include "draftp/schedule/coordinate.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/term.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = x. Text: linear, linear@time.
template <UnitCoordinate X = coordinate::StepFraction>
class LinearWeighing {
 public:
  constexpr double operator()(const StepContext& step) const { return X::Of(step); }

  std::string name() const { return "linear" + schedule_text::CoordinateSuffix<X>(); }

  static Parsed<LinearWeighing> FromTerm(const schedule_text::Term&) { return LinearWeighing(); }
};

static_assert(NamedWeighing<LinearWeighing<>>, "LinearWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_LINEAR_WEIGHING_H_
