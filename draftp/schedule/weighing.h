// The concept of a weighing function: how much of the tuned model each sampling step uses.
#ifndef DRAFTP_SCHEDULE_WEIGHING_H_
#define DRAFTP_SCHEDULE_WEIGHING_H_

#include <concepts>
#include <string>

#include "draftp/schedule/step_context.h"

namespace draftp {

// w(step) is the weight of the tuned model in d = (1-w) d_base + w d_tuned.
// Semantics: finite and in [0, 1] for every step of every run; the same step always has the same
// weight (no state, no randomness). weighing_conformance.h tests these.
template <class W>
concept Weighing = requires(const W& weighing, const StepContext& step) {
  { weighing(step) } -> std::convertible_to<double>;
};

// A Weighing that knows its text. Semantics: the text is canonical, so that two weighings with the
// same name are the same function; a registered member's name reads back through ParseWeighing.
template <class W>
concept NamedWeighing = Weighing<W> && requires(const W& weighing) {
  { weighing.name() } -> std::convertible_to<std::string>;
};

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_WEIGHING_H_
