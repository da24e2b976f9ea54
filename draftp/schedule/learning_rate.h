// The concept of a learning-rate schedule.
#ifndef DRAFTP_SCHEDULE_LEARNING_RATE_H_
#define DRAFTP_SCHEDULE_LEARNING_RATE_H_

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

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

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_LEARNING_RATE_H_
