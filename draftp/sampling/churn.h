// Churn: the noise that EDM's stochastic samplers add before a step.
#ifndef DRAFTP_SAMPLING_CHURN_H_
#define DRAFTP_SAMPLING_CHURN_H_

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// EDM, arXiv 2206.00364, algorithm 2. s_churn = 0 is no churn.
struct Churn {
  double s_churn = 0.0;   // >= 0, for the whole run; a step gets s_churn / N
  double s_tmin = 0.0;    // sigma
  double s_tmax = 999.0;  // sigma
  double s_noise = 1.0;   // factor on the noise's standard deviation

  bool draws_noise() const { return s_churn > 0.0; }

  // sigma (1 + gamma), gamma = min(s_churn/N, sqrt(2)-1) if s_tmin <= sigma <= s_tmax, else 0;
  // sigma here the noise relative to the image, which for variance exploding is the level.
  template <NoiseProcess P>
  double SigmaHat(const P& process, const StepContext& step) const {
    if (!draws_noise() || step.sigma < s_tmin || step.sigma > s_tmax) return step.sigma;
    const double gamma = std::min(s_churn / step.total, std::numbers::sqrt2 - 1.0);
    return process.level(RelativeLevel(process, step.sigma) * (1.0 + gamma));
  }

  // x + s_noise sqrt(sigma_hat^2 - sigma^2) eps, at noise level sigma_hat; where nothing is added,
  // nothing is drawn.
  template <NoiseProcess P, NoiseSource N>
  at::Tensor Raise(const P& process, const at::Tensor& x, const StepContext& step, double sigma_hat,
                   N& noise) const {
    if (!(sigma_hat > step.sigma)) return x;
    const double to = RelativeLevel(process, sigma_hat), from = RelativeLevel(process, step.sigma);
    return Renoise(process, x, step.sigma, sigma_hat, s_noise * std::sqrt(to * to - from * from),
                   noise.Like(x));
  }
};

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_CHURN_H_
