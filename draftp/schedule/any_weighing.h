// AnyWeighing: a weighing function chosen at run time.
#ifndef DRAFTP_SCHEDULE_ANY_WEIGHING_H_
#define DRAFTP_SCHEDULE_ANY_WEIGHING_H_

#include <concepts>
#include <functional>
#include <string>
#include <utility>

#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

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
  AnyWeighing(W weighing) : name_(weighing.name()), function_(std::move(weighing)) {}  // NOLINT

  template <Weighing W>
  AnyWeighing(W weighing, std::string name)
      : name_(std::move(name)), function_(std::move(weighing)) {}

  double operator()(const StepContext& step) const { return function_(step); }

  const std::string& name() const { return name_; }

  friend bool operator==(const AnyWeighing& a, const AnyWeighing& b) { return a.name_ == b.name_; }

 private:
  std::string name_;
  std::function<double(const StepContext&)> function_;
};

static_assert(NamedWeighing<AnyWeighing>, "AnyWeighing is itself a weighing function");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_ANY_WEIGHING_H_
