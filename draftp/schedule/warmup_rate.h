// A linear warm-up before any learning-rate schedule.
#ifndef DRAFTP_SCHEDULE_WARMUP_RATE_H_
#define DRAFTP_SCHEDULE_WARMUP_RATE_H_

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "draftp/schedule/constant_rate.h"
#include "draftp/schedule/learning_rate.h"

namespace draftp {

// rate(0) (step+1)/(steps+1) for step < steps, then rate(step - steps): over a constant, NeMo's
// WarmupHoldPolicy. Text: warmup(steps,rate), e.g. warmup(10000,1e-4),
// warmup(500,cosine(1e-4,0,10000)).
template <LearningRate R>
class WarmupRate {
 public:
  // Throws std::invalid_argument if steps < 0.
  WarmupRate(std::int64_t steps, R rate) : steps_(steps), rate_(std::move(rate)) {
    if (steps < 0) throw std::invalid_argument("a warm-up of " + std::to_string(steps) + " steps");
  }

  double operator()(std::int64_t step) const {
    if (step >= steps_) return rate_(step - steps_);
    return rate_(0) * (static_cast<double>(step + 1) / static_cast<double>(steps_ + 1));
  }

  bool constant() const { return steps_ == 0 && rate_.constant(); }

  std::string name() const {
    return "warmup(" + std::to_string(steps_) + "," + std::string(rate_.name()) + ")";
  }

 private:
  std::int64_t steps_;
  R rate_;
};

static_assert(LearningRate<WarmupRate<ConstantRate>>, "WarmupRate is a learning-rate schedule");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_WARMUP_RATE_H_
