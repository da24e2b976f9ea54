// Signs of reward hacking in a run's validations.
#ifndef DRAFTP_TRAIN_ALARMS_H_
#define DRAFTP_TRAIN_ALARMS_H_

#include <absl/strings/str_format.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace draftp {

// One model's side of a validation; NaN for what wasn't measured.
struct ValidationSide {
  double reward = std::numeric_limits<double>::quiet_NaN();     // mean over the images
  double held_out = std::numeric_limits<double>::quiet_NaN();   // likewise, never trained on
  double diversity = std::numeric_limits<double>::quiet_NaN();  // 1 - mean pairwise cosine
  double clamped = 0;                                           // share of pixels
  // Means of each member by name, raw; of rewards with several members alone.
  std::vector<std::pair<std::string, double>> rewards = {}, held_out_rewards = {};
};

// What a validation measured: both models from the same noise.
struct ValidationScores {
  ValidationSide tuned, base;
  std::vector<double> held_out_gains;  // tuned - base, an entry an image
  double drift = 0;                    // root mean square of the pixels' difference, of 255
  std::string held_out_name = {};      // empty: there is none
};

struct AlarmLimits {
  double diversity_kept = 0.5;   // of the base's
  double clamped = 0.2;          // share of pixels, and twice the base's
  double drift = 0.4;            // of the pixels' range
  double standard_errors = 2.0;  // below zero, of the held-out gains
};

// A line for each sign: the trained reward rose while the held-out one fell (by more than so many
// standard errors of the paired differences), diversity collapsed, pixels saturate, pictures have
// nothing left of the base's.
inline std::vector<std::string> Alarms(const ValidationScores& scores,
                                       const AlarmLimits& limits = {}) {
  std::vector<std::string> alarms;
  const auto& [tuned, base, gains, drift, name] = scores;
  double mean = 0, squares = 0;
  for (const double gain : gains) mean += gain / static_cast<double>(gains.size());
  for (const double gain : gains) squares += (gain - mean) * (gain - mean);
  if (gains.size() > 1 && tuned.reward > base.reward) {
    const auto n = static_cast<double>(gains.size());
    const double error = std::sqrt(squares / (n - 1) / n);
    if (mean < -limits.standard_errors * error) {
      alarms.push_back(absl::StrFormat(
          "the held-out reward fell by %.3g (standard error %.2g) while the trained one rose by "
          "%.3g",
          -mean, error, tuned.reward - base.reward));
    }
  }
  if (tuned.diversity < limits.diversity_kept * base.diversity) {
    alarms.push_back(absl::StrFormat("diversity fell from the base's %.3g to %.3g", base.diversity,
                                     tuned.diversity));
  }
  if (tuned.clamped > limits.clamped && tuned.clamped > 2 * base.clamped) {
    alarms.push_back(absl::StrFormat("%.0f%% of the pixels are clamped, %.0f%% of the base's",
                                     100 * tuned.clamped, 100 * base.clamped));
  }
  if (drift > limits.drift * 255) {
    alarms.push_back(absl::StrFormat(
        "pictures differ from the base's of the same noise by %.0f of 255 (root mean square)",
        drift));
  }
  return alarms;
}

}  // namespace draftp

#endif  // DRAFTP_TRAIN_ALARMS_H_
