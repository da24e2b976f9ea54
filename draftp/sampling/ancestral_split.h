// How an ancestral step splits into a deterministic part and fresh noise.
#ifndef DRAFTP_SAMPLING_ANCESTRAL_SPLIT_H_
#define DRAFTP_SAMPLING_ANCESTRAL_SPLIT_H_

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>

#include "draftp/sampling/noise_process.h"
#include "draftp/sampling/noise_source.h"

namespace draftp {

// Options of the ancestral samplers.
struct Ancestral {
  double eta = 1.0;      // >= 0; how much of each step's noise is fresh
  double s_noise = 1.0;  // factor on the noise's standard deviation

  bool draws_noise() const { return eta > 0.0; }
};

// A step from sigma to sigma_next goes down to `down` by the ODE, then up again by noise of
// deviation `up`: down^2 + up^2 = sigma_next^2.
struct AncestralSplit {
  double down;
  double up;
};

// up = min(sigma_next, eta sqrt(sigma_next^2 (sigma^2 - sigma_next^2) / sigma^2)), as in
// k-diffusion; eta = 0 adds no noise, 1 is the ancestral step of DDPM. sigma > 0, 0 <= sigma_next
// <= sigma, eta >= 0.
inline AncestralSplit SplitAncestral(double sigma, double sigma_next, double eta) {
  const double ratio = sigma_next / sigma;
  const double up =
      std::min(sigma_next, eta * sigma_next * std::sqrt((1.0 - ratio) * (1.0 + ratio)));
  return {std::sqrt((sigma_next - up) * (sigma_next + up)), up};
}

// An ancestral step's way between noise levels of any process, split by the noise relative to the
// image.
template <NoiseProcess P>
class AncestralStep {
 public:
  AncestralStep(const P& process, double level, double next, const Ancestral& options)
      : process_(process), next_(next), s_noise_(options.s_noise) {
    const AncestralSplit split =
        SplitAncestral(RelativeLevel(process, level), RelativeLevel(process, next), options.eta);
    down_ = process.level(split.down);
    up_ = split.up;
  }

  // The level that the deterministic part ends at.
  double down() const { return down_; }

  // From the state at down() to the step's end; where nothing is added, nothing is drawn.
  template <NoiseSource N>
  at::Tensor Raise(const at::Tensor& x, N& noise) const {
    if (!(up_ > 0.0)) return x;
    return Renoise(process_, x, down_, next_, s_noise_ * up_, noise.Like(x));
  }

 private:
  P process_;
  double next_, s_noise_, down_, up_;
};

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_ANCESTRAL_SPLIT_H_
