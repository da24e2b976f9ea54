// The discrete noise levels that a checkpoint was trained on, by time index.
#ifndef DRAFTP_SCHEDULE_DDPM_TABLE_H_
#define DRAFTP_SCHEDULE_DDPM_TABLE_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "draftp/schedule/text.h"

namespace draftp {

// Time t = 0 .. n-1 to alpha_bar_t = prod_{s<=t} (1 - beta_s) (Ho et al., arXiv 2006.11239) and
//   sigma_t = sqrt(float32((1 - alpha_bar_t) / alpha_bar_t)),
// the noise level of x_0 + sigma eps. The rounding to float32 is what sgm's LegacyDDPM does; the
// rest is float64.
class DdpmTable {
 public:
  // beta_t = linspace(sqrt(beta_start), sqrt(beta_end), n)_t^2, diffusers' "scaled_linear". With
  // `zero_terminal_snr`, s = sqrt(alpha_bar) becomes (s - s_T) s_0/(s_0 - s_T) (arXiv 2305.08891,
  // algorithm 1; `rescale_betas_zero_snr`), and the last alpha_bar, which would be 0, is diffusers'
  // 2^-24: sigma sqrt(2^24 - 1), nearly 4096. The error says which of the values can't be.
  static Parsed<DdpmTable> MakeScaledLinear(double beta_start = 0.00085, double beta_end = 0.012,
                                            int n = 1000, bool zero_terminal_snr = false);

  // As MakeScaledLinear, for values that are right: throws std::invalid_argument otherwise.
  static DdpmTable ScaledLinear(double beta_start = 0.00085, double beta_end = 0.012, int n = 1000,
                                bool zero_terminal_snr = false) {
    return MakeScaledLinear(beta_start, beta_end, n, zero_terminal_snr).value();
  }

  // The table of SDXL and Stable Diffusion 1 and 2, ScaledLinear().
  static const DdpmTable& Standard() {
    static const DdpmTable table = ScaledLinear();
    return table;
  }

  int size() const { return static_cast<int>(sigmas_.size()); }

  // sigma_t, strictly ascending in t.
  const std::vector<double>& sigmas() const { return sigmas_; }

  // alpha_bar_t, descending in t, in (0, 1).
  const std::vector<double>& alpha_bars() const { return alpha_bars_; }

  // The t whose sigma_t is nearest to `sigma` by absolute difference; the lower one of a tie.
  int NearestIndex(double sigma) const {
    const auto above = std::lower_bound(sigmas_.begin(), sigmas_.end(), sigma);
    if (above == sigmas_.begin()) return 0;
    if (above == sigmas_.end()) return size() - 1;
    const int index = static_cast<int>(above - sigmas_.begin());
    return sigma - sigmas_[index - 1] <= sigmas_[index] - sigma ? index - 1 : index;
  }

  // The noise levels of a run through these time indices: their sigmas, then 0.
  std::vector<double> SigmasAt(const std::vector<int>& times) const {
    std::vector<double> sigmas;
    for (const int t : times) sigmas.push_back(sigmas_[t]);
    sigmas.push_back(0);
    return sigmas;
  }

 private:
  DdpmTable() = default;

  std::vector<double> sigmas_;
  std::vector<double> alpha_bars_;
};

namespace schedule_text {

inline std::vector<double> ScaledLinearAlphaBars(double beta_start, double beta_end, int n) {
  const double first = std::sqrt(beta_start), last = std::sqrt(beta_end);
  const double stride = (last - first) / (n - 1);
  std::vector<double> alpha_bars;
  double alpha_bar = 1;
  for (int t = 0; t < n; ++t) {
    const double root = t + 1 < n ? first + t * stride : last;
    alpha_bars.push_back(alpha_bar *= 1 - root * root);
  }
  return alpha_bars;
}

inline void RescaleToZeroTerminalSnr(std::vector<double>& alpha_bars) {
  const double first = std::sqrt(alpha_bars.front()), last = std::sqrt(alpha_bars.back());
  for (double& alpha_bar : alpha_bars) {
    const double root = (std::sqrt(alpha_bar) - last) * first / (first - last);
    alpha_bar = root * root;
  }
  alpha_bars.back() = 0x1p-24;
}

}  // namespace schedule_text

inline Parsed<DdpmTable> DdpmTable::MakeScaledLinear(double beta_start, double beta_end, int n,
                                                     bool zero_terminal_snr) {
  using schedule_text::FormatNumber;
  if (!(beta_start > 0 && beta_start <= beta_end && beta_end < 1)) {
    return ParseError{"beta_start " + FormatNumber(beta_start) + " and beta_end " +
                      FormatNumber(beta_end) + " must keep 0 < beta_start <= beta_end < 1"};
  }
  if (n < 2 || n > 100000) {
    return ParseError{"the number of training time steps is " + std::to_string(n) +
                      ", expected 2 to 100000"};
  }
  DdpmTable table;
  table.alpha_bars_ = schedule_text::ScaledLinearAlphaBars(beta_start, beta_end, n);
  if (zero_terminal_snr) schedule_text::RescaleToZeroTerminalSnr(table.alpha_bars_);
  double before = 0;
  for (const double alpha_bar : table.alpha_bars_) {
    const double variance = (1 - alpha_bar) / alpha_bar;
    // Beyond float32's range there is no rounding to it.
    const bool rounds = variance <= std::numeric_limits<float>::max();
    const double sigma = rounds ? std::sqrt(static_cast<double>(static_cast<float>(variance))) : 0;
    if (!(sigma > before)) {
      return ParseError{
          "betas from " + FormatNumber(beta_start) + " to " + FormatNumber(beta_end) + " in " +
          std::to_string(n) + " steps " + (zero_terminal_snr ? "of zero terminal SNR " : "") +
          "leave no distinct finite sigma at time index " + std::to_string(table.sigmas_.size())};
    }
    table.sigmas_.push_back(before = sigma);
  }
  return table;
}

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_DDPM_TABLE_H_
