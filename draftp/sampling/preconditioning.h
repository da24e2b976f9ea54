// From a network's output to D(x; sigma): the concept Preconditioning, epsilon and v over a
// discrete table.
#ifndef DRAFTP_SAMPLING_PRECONDITIONING_H_
#define DRAFTP_SAMPLING_PRECONDITIONING_H_

#include <cmath>
#include <concepts>
#include <utility>

#include "draftp/schedule/ddpm_table.h"

namespace draftp {

// D(x; sigma) = c_skip x + c_out F(c_in x, time), F the network (EDM, arXiv 2206.00364, eq. 7).
struct Scaling {
  double c_in;
  double c_skip;
  double c_out;
  double time;  // what the network takes as time
};

// c.At(sigma), sigma > 0: the scaling of an evaluation at sigma. A member over a training table has
// it as c.table(), which schedules over the network's time ask for.
template <class C>
concept Preconditioning = requires(const C& c, double sigma) {
  { c.At(sigma) } -> std::same_as<Scaling>;
};

// F predicts the noise: D = x - q eps(c_in x, index), c_in = 1/sqrt(q^2+1), where q is the entry of
// the training table nearest to sigma by absolute difference and index its place. Only the network
// sees q: a sampler's d = (x - D)/sigma goes on to divide by sigma itself.
class DiscreteEpsilon {
 public:
  explicit DiscreteEpsilon(DdpmTable table) : table_(std::move(table)) {}
  const DdpmTable& table() const { return table_; }
  Scaling At(double sigma) const {
    const int index = table_.NearestIndex(sigma);
    const double q = table_.sigmas()[index];
    return {1.0 / std::sqrt(q * q + 1.0), 1.0, -q, static_cast<double>(index)};
  }

 private:
  DdpmTable table_;
};

// F predicts the velocity: D = x/(q^2+1) - q/sqrt(q^2+1) v(c_in x, index), q as above.
class DiscreteV {
 public:
  explicit DiscreteV(DdpmTable table) : table_(std::move(table)) {}
  const DdpmTable& table() const { return table_; }
  Scaling At(double sigma) const {
    const int index = table_.NearestIndex(sigma);
    const double q = table_.sigmas()[index];
    const double root = std::sqrt(q * q + 1.0);
    return {1.0 / root, 1.0 / (q * q + 1.0), -q / root, static_cast<double>(index)};
  }

 private:
  DdpmTable table_;
};

static_assert(Preconditioning<DiscreteEpsilon>, "DiscreteEpsilon does not satisfy Preconditioning");
static_assert(Preconditioning<DiscreteV>, "DiscreteV does not satisfy Preconditioning");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_PRECONDITIONING_H_
