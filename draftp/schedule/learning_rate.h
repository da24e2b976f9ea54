// Learning-rate schedules: concept, members, text.
#ifndef DRAFTP_SCHEDULE_LEARNING_RATE_H_
#define DRAFTP_SCHEDULE_LEARNING_RATE_H_

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <numbers>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "draftp/schedule/form.h"
#include "draftp/schedule/member.h"
#include "draftp/schedule/text.h"

namespace draftp {

// rate(step) is the learning rate of optimiser step `step`, counted from 0.
// Semantics: finite and >= 0 for every step >= 0; the same step always has the same rate, so that
// a resumed run needs the step alone.
template <class R>
concept LearningRate = requires(const R& rate, std::int64_t step) {
  { rate(step) } -> std::convertible_to<double>;
  { rate.constant() } -> std::same_as<bool>;
  { rate.name() } -> std::convertible_to<std::string>;
};

// A copy of any learning-rate schedule, chosen at run time. Two are equal if their names are.
class AnyLearningRate {
 public:
  template <LearningRate R>
  requires(!std::same_as<R, AnyLearningRate>)
  AnyLearningRate(R rate)
      : name_(rate.name()), constant_(rate.constant()), function_(std::move(rate)) {}  // NOLINT

  // The schedule of a term of the text, itself or inside a warm-up.
  static Parsed<AnyLearningRate> FromTerm(const schedule_text::Term& term);

  double operator()(std::int64_t step) const { return function_(step); }

  bool constant() const { return constant_; }

  const std::string& name() const { return name_; }

  friend bool operator==(const AnyLearningRate& a, const AnyLearningRate& b) {
    return a.name_ == b.name_;
  }

 private:
  std::string name_;
  bool constant_;
  std::function<double(std::int64_t)> function_;
};

static_assert(LearningRate<AnyLearningRate>, "AnyLearningRate is itself a learning rate");

// The rate that never changes. Text: the number, e.g. 1e-4.
class ConstantRate : public schedule_text::Member<ConstantRate, double> {
 public:
  static constexpr schedule_text::Description kText{"", {{"rate"}}, "1e-4"};
  using Member::Member;

  // Empty if `rate` is finite and >= 0.
  static std::string Fault(double rate) {
    if (rate >= 0 && !std::isinf(rate)) return {};
    return "the learning rate is " + schedule_text::FormatNumber(rate) +
           ", expected a finite number >= 0";
  }

  double operator()(std::int64_t) const { return std::get<0>(values()); }
  bool constant() const { return true; }
};

// to + (from - to) (1 + cos(pi min(step / steps, 1))) / 2.
class CosineRate : public schedule_text::Member<CosineRate, double, double, std::int64_t> {
 public:
  static constexpr schedule_text::Description kText{
      "cosine", {{"from"}, {"to"}, {"steps"}}, "cosine(1e-4,0,10000)"};
  using Member::Member;

  // Empty if 0 <= to <= from, both finite, and steps >= 1.
  static std::string Fault(double from, double to, std::int64_t steps) {
    if (to >= 0 && to <= from && !std::isinf(from) && steps >= 1) return {};
    return "cosine goes from " + schedule_text::FormatNumber(from) + " to " +
           schedule_text::FormatNumber(to) + " in " + std::to_string(steps) +
           " steps, expected from >= to >= 0 and at least 1 step";
  }

  double operator()(std::int64_t step) const {
    const auto& [from, to, steps] = values();
    const double part = std::min(static_cast<double>(step) / static_cast<double>(steps), 1.0);
    return std::lerp(to, from, (1 + std::cos(std::numbers::pi * part)) / 2);
  }

  bool constant() const {
    const auto& [from, to, steps] = values();
    return from == to;
  }
};

// rate(0) (step+1)/(steps+1) for step < steps, then rate(step - steps): over a constant, NeMo's
// WarmupHoldPolicy. Text: warmup(10000,1e-4), warmup(500,cosine(1e-4,0,10000)).
template <LearningRate R>
class WarmupRate : public schedule_text::Member<WarmupRate<R>, std::int64_t, R> {
 public:
  static constexpr schedule_text::Description kText{
      "warmup", {{"steps"}, {"R"}}, "warmup(500,1e-4)", "steps and a learning rate"};
  using WarmupRate::Member::Member;

  // Empty if steps >= 0.
  static std::string Fault(std::int64_t steps, const R&) {
    return steps >= 0 ? "" : "a warm-up of " + std::to_string(steps) + " steps";
  }

  double operator()(std::int64_t step) const {
    const auto& [steps, rate] = this->values();
    if (step >= steps) return rate(step - steps);
    return rate(0) * (static_cast<double>(step + 1) / static_cast<double>(steps + 1));
  }

  bool constant() const {
    const auto& [steps, rate] = this->values();
    return steps == 0 && rate.constant();
  }
};
template <LearningRate R>
WarmupRate(std::int64_t, R) -> WarmupRate<R>;

static_assert(LearningRate<ConstantRate>, "ConstantRate is a learning-rate schedule");
static_assert(LearningRate<CosineRate>, "CosineRate is a learning-rate schedule");
static_assert(LearningRate<WarmupRate<ConstantRate>>, "WarmupRate is a learning-rate schedule");

namespace schedule_text {

// The members: a new one is a line here.
inline constexpr Form<AnyLearningRate> kLearningRateForms[] = {
    FormOf<AnyLearningRate, ConstantRate>(),
    FormOf<AnyLearningRate, CosineRate>(),
    FormOf<AnyLearningRate, WarmupRate<AnyLearningRate>>(),
};

}  // namespace schedule_text

inline Parsed<AnyLearningRate> AnyLearningRate::FromTerm(const schedule_text::Term& term) {
  return schedule_text::ReadForm<AnyLearningRate>(term, schedule_text::kLearningRateForms);
}

// The learning-rate schedule that `text` names; docs/schedules.md has the syntax. Any bytes are
// safe; the error is one line that lists the valid forms.
inline Parsed<AnyLearningRate> ParseLearningRate(std::string_view text) {
  return schedule_text::ParseForm<AnyLearningRate>("learning rate", text,
                                                   schedule_text::kLearningRateForms);
}

// The texts that ParseLearningRate takes.
inline std::string LearningRateForms() {
  return schedule_text::ListForms<AnyLearningRate>(schedule_text::kLearningRateForms);
}

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_LEARNING_RATE_H_
