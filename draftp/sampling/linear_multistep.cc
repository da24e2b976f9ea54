// Integrals of Lagrange polynomials.
#include "draftp/sampling/linear_multistep.h"

#include <cstddef>

namespace draftp {

std::vector<double> AdamsBashforthCoefficients(std::span<const double> sigmas, double sigma_next) {
  const double end = sigma_next - sigmas[0];
  std::vector<double> coefficients;
  for (std::size_t j = 0; j < sigmas.size(); ++j) {
    // prod_{k != j} (u - u_k) / (u_j - u_k) in u = sigma - sigmas[0], by its powers of u.
    std::vector<double> polynomial = {1.0};
    for (std::size_t k = 0; k < sigmas.size(); ++k) {
      if (k == j) continue;
      const double root = sigmas[k] - sigmas[0];
      const double scale = 1.0 / (sigmas[j] - sigmas[k]);
      polynomial.push_back(0.0);
      for (std::size_t p = polynomial.size() - 1; p > 0; --p) {
        polynomial[p] = scale * (polynomial[p - 1] - root * polynomial[p]);
      }
      polynomial[0] *= -root * scale;
    }
    double integral = 0.0;
    for (std::size_t p = polynomial.size(); p-- > 0;) {
      integral = end * (integral + polynomial[p] / static_cast<double>(p + 1));
    }
    coefficients.push_back(integral);
  }
  return coefficients;
}

}  // namespace draftp
