// The mean of the latest values of a noisy series. The standard library only.
#ifndef DRAFTP_REPORT_MOVING_MEAN_H_
#define DRAFTP_REPORT_MOVING_MEAN_H_

#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace draftp {

// The mean of the last `window` values that were added (of all, while there are fewer); NaN and
// infinity are passed over. Rounding doesn't pile up: the sum is made afresh every `window` values.
class MovingMean {
 public:
  // window >= 1, else std::invalid_argument.
  explicit MovingMean(int window) : window_(static_cast<size_t>(window)) {
    if (window >= 1) return;
    throw std::invalid_argument("MovingMean: found a window of " + std::to_string(window) +
                                ", expected at least 1");
  }

  void Add(double value) {
    if (!std::isfinite(value)) return;
    if (values_.size() < window_) {
      values_.push_back(value);
      sum_ += value;
      return;
    }
    sum_ += value - values_[next_];
    values_[next_] = value;
    next_ = (next_ + 1) % window_;
    if (next_ == 0) sum_ = std::accumulate(values_.begin(), values_.end(), 0.0);
  }

  // NaN before the first value.
  double value() const {
    if (values_.empty()) return std::numeric_limits<double>::quiet_NaN();
    return sum_ / static_cast<double>(values_.size());
  }

 private:
  size_t window_;
  std::vector<double> values_;  // a ring once full
  size_t next_ = 0;             // the oldest of the full ring
  double sum_ = 0;
};

}  // namespace draftp

#endif  // DRAFTP_REPORT_MOVING_MEAN_H_
