// The noise levels of Karras et al. (EDM), spaced evenly in sigma^(1/rho).
#ifndef DRAFTP_SCHEDULE_EDM_KARRAS_H_
#define DRAFTP_SCHEDULE_EDM_KARRAS_H_

#include <cmath>
#include <string>
#include <vector>

#include "draftp/schedule/form.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/schedule/number.h"
#include "draftp/schedule/parsed.h"
#include "draftp/schedule/term.h"

namespace draftp {

// sigma_i = (smax^(1/rho) + i/(N-1) (smin^(1/rho) - smax^(1/rho)))^rho, i = 0 .. N-1, then 0
// (arXiv 2206.00364, equation 5); N = 1 is smax alone. The ends are smax and smin to the bit.
// Text: edm (the defaults), edm(smin,smax,rho).
class EdmKarras {
 public:
  static constexpr double kSigmaMin = 0.0292, kSigmaMax = 14.6146, kRho = 3;

  // The error unless 1e-6 <= smin, 1.01 smin <= smax <= 1e6 and 1 <= rho <= 100: wide of every
  // use, and narrow enough for all steps to differ.
  static Parsed<EdmKarras> Make(double sigma_min, double sigma_max, double rho) {
    using schedule_text::FormatNumber;
    if (!(sigma_min >= 1e-6 && sigma_max <= 1e6 && sigma_max >= 1.01 * sigma_min)) {
      return ParseError{"the sigmas of edm are " + FormatNumber(sigma_min) + " to " +
                        FormatNumber(sigma_max) +
                        ", expected 1e-6 <= smin, 1.01 smin <= smax <= 1e6"};
    }
    if (!(rho >= 1 && rho <= 100)) {
      return ParseError{"rho of edm is " + FormatNumber(rho) + ", expected 1 <= rho <= 100"};
    }
    EdmKarras levels;
    levels.sigma_min_ = sigma_min;
    levels.sigma_max_ = sigma_max;
    levels.rho_ = rho;
    return levels;
  }

  EdmKarras() = default;

  // Throws std::invalid_argument where Make gives an error.
  EdmKarras(double sigma_min, double sigma_max, double rho)
      : EdmKarras(Make(sigma_min, sigma_max, rho).value()) {}

  // The n + 1 sigmas. Throws std::invalid_argument unless 1 <= n <= max_steps().
  std::vector<double> Sigmas(int n) const {
    CheckSteps(*this, n);
    const double first = std::pow(sigma_max_, 1 / rho_), last = std::pow(sigma_min_, 1 / rho_);
    std::vector<double> sigmas = {sigma_max_};
    for (int i = 1; i + 1 < n; ++i) {
      sigmas.push_back(std::pow(first + static_cast<double>(i) / (n - 1) * (last - first), rho_));
    }
    if (n > 1) sigmas.push_back(sigma_min_);
    sigmas.push_back(0);
    return sigmas;
  }

  int max_steps() const { return 10000; }

  std::string name() const {
    using schedule_text::FormatNumber;
    if (sigma_min_ == kSigmaMin && sigma_max_ == kSigmaMax && rho_ == kRho) return "edm";
    return "edm(" + FormatNumber(sigma_min_) + "," + FormatNumber(sigma_max_) + "," +
           FormatNumber(rho_) + ")";
  }

  static Parsed<EdmKarras> FromTerm(const schedule_text::Term& term,
                                    const TrainedLevels& /*trained*/) {
    if (!term.called) return EdmKarras();
    const Parsed<std::vector<double>> numbers = schedule_text::ReadNumbers(term, 3, 3);
    if (!numbers.ok()) return ParseError{numbers.error()};
    return Make((*numbers)[0], (*numbers)[1], (*numbers)[2]);
  }

 private:
  double sigma_min_ = kSigmaMin, sigma_max_ = kSigmaMax, rho_ = kRho;
};

static_assert(NamedNoiseLevels<EdmKarras>, "EdmKarras is a family of noise levels");

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_EDM_KARRAS_H_
