// Weighing functions, how much of the tuned model each sampling step uses: the concept, and the
// member chosen at run time.
#ifndef DRAFTP_SCHEDULE_WEIGHING_H_
#define DRAFTP_SCHEDULE_WEIGHING_H_

#include <concepts>
#include <functional>
#include <string>
#include <utility>

#include "draftp/schedule/step_context.h"
#include "draftp/schedule/text.h"

namespace draftp {

// w(step) is the weight of the tuned model in d = (1-w) d_base + w d_tuned.
// Semantics: finite for every step of every run, and in [0, 1] unless the member's kExtrapolates
// says that it may leave that; where it has a kConstant, the same in all steps; the same step
// always has the same weight (no state, no randomness). weighing_conformance.h tests these.
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

// Owns a copy of any weighing function; copyable, thread-compatible. Two are equal if their names
// are.
//
//   AnyWeighing weighing = PowerWeighing<>(2);                      // name() is "power_2"
//   AnyWeighing late([](const StepContext& s) { return s.sigma < 1; }, "late");
class AnyWeighing {
 public:
  // W must be copyable. (Not a constraint: that of ReversedWeighing<AnyWeighing> would ask itself.)
  template <NamedWeighing W>
  requires(!std::same_as<W, AnyWeighing>)
  AnyWeighing(W weighing)  // NOLINT
      : name_(weighing.name()),
        constant_(requires { W::kConstant; }),
        function_(std::move(weighing)) {}

  template <Weighing W>
  AnyWeighing(W weighing, std::string name)
      : name_(std::move(name)), function_(std::move(weighing)) {}

  // The weighing function of a term of the text, itself or inside a composition (parse_weighing.h).
  static Parsed<AnyWeighing> FromTerm(const schedule_text::Term& term);

  double operator()(const StepContext& step) const { return function_(step); }

  const std::string& name() const { return name_; }
  // Whether the member says that it is the same in every step.
  bool constant() const { return constant_; }

  friend bool operator==(const AnyWeighing& a, const AnyWeighing& b) { return a.name_ == b.name_; }

 private:
  std::string name_;
  bool constant_ = false;
  std::function<double(const StepContext&)> function_;
};

static_assert(NamedWeighing<AnyWeighing>, "AnyWeighing is itself a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_WEIGHING_H_
