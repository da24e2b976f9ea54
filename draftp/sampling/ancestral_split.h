// How an ancestral step splits into a deterministic part and fresh noise.
#ifndef DRAFTP_SAMPLING_ANCESTRAL_SPLIT_H_
#define DRAFTP_SAMPLING_ANCESTRAL_SPLIT_H_

#include <algorithm>
#include <cmath>

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

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_ANCESTRAL_SPLIT_H_
