// KL schedules, how the weight of the KL term changes in training: concept, members, text.
#ifndef DRAFTP_SCHEDULE_KL_SCHEDULE_H_
#define DRAFTP_SCHEDULE_KL_SCHEDULE_H_

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "draftp/schedule/form.h"
#include "draftp/schedule/member.h"
#include "draftp/schedule/text.h"

namespace draftp {

// A schedule is a value without state: the trainer holds the coefficient, one double, which is
// also all that a checkpoint has to keep.
//   coefficient = schedule.Initial();                            // for step 0
//   coefficient = schedule.Next(coefficient, step, measured_kl);  // after `step`, for step + 1
// Semantics: coefficients are finite and >= 0; the same arguments give the same result; a measured
// KL that isn't finite leaves a feedback schedule's coefficient as it is; where constant() is true,
// every coefficient of a run is the initial one.
template <class K>
concept KlSchedule = requires(const K& schedule, double coefficient, std::int64_t step, double kl) {
  { schedule.Initial() } -> std::convertible_to<double>;
  { schedule.Next(coefficient, step, kl) } -> std::convertible_to<double>;
  { schedule.constant() } -> std::same_as<bool>;
  { schedule.name() } -> std::convertible_to<std::string>;
};

// A copy of any KL schedule, chosen at run time. Two are equal if their names are.
class AnyKlSchedule {
 public:
  template <KlSchedule K>
  requires(!std::same_as<K, AnyKlSchedule>)
  AnyKlSchedule(K schedule)  // NOLINT
      : name_(schedule.name()),
        initial_(schedule.Initial()),
        constant_(schedule.constant()),
        next_([schedule = std::move(schedule)](double coefficient, std::int64_t step, double kl) {
          return schedule.Next(coefficient, step, kl);
        }) {}

  double Initial() const { return initial_; }

  bool constant() const { return constant_; }

  double Next(double coefficient, std::int64_t step, double kl) const {
    return next_(coefficient, step, kl);
  }

  const std::string& name() const { return name_; }

  friend bool operator==(const AnyKlSchedule& a, const AnyKlSchedule& b) {
    return a.name_ == b.name_;
  }

 private:
  std::string name_;
  double initial_;
  bool constant_;
  std::function<double(double, std::int64_t, double)> next_;
};

static_assert(KlSchedule<AnyKlSchedule>, "AnyKlSchedule is itself a KL schedule");

// The coefficient that never changes. Text: the number, e.g. 0.1.
class ConstantKl : public schedule_text::Member<ConstantKl, double> {
 public:
  static constexpr schedule_text::Description kText{"", {{"coefficient"}}, "0.1"};
  using Member::Member;

  // Empty if `coefficient` is finite and >= 0.
  static std::string Fault(double coefficient) {
    if (coefficient >= 0 && !std::isinf(coefficient)) return {};
    return "the KL coefficient is " + schedule_text::FormatNumber(coefficient) +
           ", expected a finite number >= 0";
  }

  double Initial() const { return std::get<0>(values()); }
  double Next(double, std::int64_t, double) const { return Initial(); }
  bool constant() const { return true; }
};

// from + (to - from) min(step / steps, 1).
class LinearKl : public schedule_text::Member<LinearKl, double, double, std::int64_t> {
 public:
  static constexpr schedule_text::Description kText{
      "linear", {{"from"}, {"to"}, {"steps"}}, "linear(1,0.1,2000)"};
  using Member::Member;

  // Empty if from and to are finite and >= 0 and steps >= 1.
  static std::string Fault(double from, double to, std::int64_t steps) {
    const bool finite = std::isfinite(from) && std::isfinite(to);
    if (finite && from >= 0 && to >= 0 && steps >= 1) return {};
    return "linear goes from " + schedule_text::FormatNumber(from) + " to " +
           schedule_text::FormatNumber(to) + " in " + std::to_string(steps) +
           " steps, expected finite numbers >= 0 and at least 1 step";
  }

  double Initial() const { return std::get<0>(values()); }

  double Next(double, std::int64_t step, double) const {
    const auto& [from, to, steps] = values();
    return std::lerp(from, to,
                     std::min(static_cast<double>(step + 1) / static_cast<double>(steps), 1.0));
  }

  bool constant() const {
    const auto& [from, to, steps] = values();
    return from == to;
  }
};

// The proportional controller in log space of Ziegler et al. (arXiv 1909.08593, section 2.2):
//   coefficient *= 1 + gain clamp(kl / target - 1, -0.2, 0.2)
// raises it above the target and lowers it below. It stays within a factor 1e6 of its initial
// value.
class TargetKl : public schedule_text::Member<TargetKl, double, double, double> {
 public:
  static constexpr double kGain = 0.1;
  static constexpr schedule_text::Description kText{
      "target", {{"kl"}, {"initial"}, {"gain", kGain}}, "target(0.05,1)"};
  using Member::Make;
  using Member::Member;
  static Parsed<TargetKl> Make(double target, double initial) {
    return Make(target, initial, kGain);
  }
  TargetKl(double target, double initial) : TargetKl(target, initial, kGain) {}

  // Empty if target and initial are in [1e-12, 1e12] and 0 < gain <= 1.
  static std::string Fault(double target, double initial, double gain) {
    using schedule_text::FormatNumber;
    const auto moderate = [](double x) { return x >= 1e-12 && x <= 1e12; };
    if (moderate(target) && moderate(initial) && gain > 0 && gain <= 1) return {};
    return "target has kl " + FormatNumber(target) + ", initial coefficient " +
           FormatNumber(initial) + " and gain " + FormatNumber(gain) +
           ", expected the first two in 1e-12 to 1e12 and 0 < gain <= 1";
  }

  double Initial() const { return std::get<1>(values()); }

  double Next(double coefficient, std::int64_t, double kl) const {
    if (!std::isfinite(kl)) return coefficient;
    const auto& [target, initial, gain] = values();
    const double error = std::clamp(kl / target - 1, -0.2, 0.2);
    return std::clamp(coefficient * (1 + gain * error), initial * 1e-6, initial * 1e6);
  }

  bool constant() const { return false; }
};

static_assert(KlSchedule<ConstantKl>, "ConstantKl is a KL schedule");
static_assert(KlSchedule<LinearKl>, "LinearKl is a KL schedule");
static_assert(KlSchedule<TargetKl>, "TargetKl is a KL schedule");

namespace schedule_text {

// The members: a new one is a line here.
inline constexpr Form<AnyKlSchedule> kKlForms[] = {
    FormOf<AnyKlSchedule, ConstantKl>(),
    FormOf<AnyKlSchedule, LinearKl>(),
    FormOf<AnyKlSchedule, TargetKl>(),
};

}  // namespace schedule_text

// The KL schedule that `text` names; docs/schedules.md has the syntax. Any bytes are safe; the
// error is one line that lists the valid forms.
inline Parsed<AnyKlSchedule> ParseKlSchedule(std::string_view text) {
  return schedule_text::ParseForm<AnyKlSchedule>("KL schedule", text, schedule_text::kKlForms);
}

// The texts that ParseKlSchedule takes.
inline std::string KlScheduleForms() {
  return schedule_text::ListForms<AnyKlSchedule>(schedule_text::kKlForms);
}

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_KL_SCHEDULE_H_
