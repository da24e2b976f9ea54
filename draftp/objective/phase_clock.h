// Seconds by phase of a training step.
#ifndef DRAFTP_OBJECTIVE_PHASE_CLOCK_H_
#define DRAFTP_OBJECTIVE_PHASE_CLOCK_H_

#include <chrono>
#include <map>
#include <string>
#include <utility>

namespace draftp {

// Adds up the time between its marks by the name of what ended there. It doesn't wait for a device.
class PhaseClock {
 public:
  void Start() { last_ = Now(); }
  void Mark(const std::string& phase) {
    const double now = Now();
    seconds_[phase] += now - last_;
    last_ = now;
  }
  std::map<std::string, double> Take() { return std::exchange(seconds_, {}); }

 private:
  static double Now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  double last_ = 0;
  std::map<std::string, double> seconds_;
};

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_PHASE_CLOCK_H_
