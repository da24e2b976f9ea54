// A weighing function with the two models' roles exchanged.
#ifndef DRAFTP_SCHEDULE_REVERSED_WEIGHING_H_
#define DRAFTP_SCHEDULE_REVERSED_WEIGHING_H_

#include <string>
#include <utility>

#include "draftp/schedule/constant_weighing.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// w = 1 - inner: where the base model was, the tuned model is. reversed(step_0.6) is the tuned
// model first and the base model from 0.6 on. Text: reversed(linear).
template <Weighing W>
class ReversedWeighing {
 public:
  explicit ReversedWeighing(W inner) : inner_(std::move(inner)) {}

  constexpr double operator()(const StepContext& step) const { return 1 - inner_(step); }

  std::string name() const
  requires NamedWeighing<W>
  {
    return "reversed(" + std::string(inner_.name()) + ")";
  }

 private:
  W inner_;
};

static_assert(NamedWeighing<ReversedWeighing<BaseWeighing>>,
              "ReversedWeighing is a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_REVERSED_WEIGHING_H_
