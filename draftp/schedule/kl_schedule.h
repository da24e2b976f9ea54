// The concept of a KL schedule: how the weight of the KL term changes in training.
#ifndef DRAFTP_SCHEDULE_KL_SCHEDULE_H_
#define DRAFTP_SCHEDULE_KL_SCHEDULE_H_

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

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

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_KL_SCHEDULE_H_
