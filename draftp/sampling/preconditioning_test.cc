// Tests of epsilon and v over the table, and models of their concept.
#include "draftp/sampling/preconditioning.h"

#include <gtest/gtest.h>

#include <cmath>

namespace draftp::testing {
namespace {

struct TakesTime {
  Scaling At(const char* time) const;
};
struct ReturnsANumber {
  double At(double sigma) const;
};

TEST(PreconditioningTest, ConceptGivesTheScalingAtALevel) {
  static_assert(Preconditioning<DiscreteEpsilon>);
  static_assert(!Preconditioning<TakesTime>);
  static_assert(!Preconditioning<ReturnsANumber>);
}

TEST(PreconditioningTest, EpsilonAtATableEntry) {
  const double q = DdpmTable::Standard().sigmas()[500];
  const Scaling scaling = DiscreteEpsilon(DdpmTable::Standard()).At(q);
  EXPECT_DOUBLE_EQ(scaling.c_in, 1 / std::sqrt(q * q + 1));
  EXPECT_EQ(scaling.c_skip, 1.0);
  EXPECT_EQ(scaling.c_out, -q);
  EXPECT_EQ(scaling.time, 500.0);
}

TEST(PreconditioningTest, VelocityAtATableEntry) {
  const double q = DdpmTable::Standard().sigmas()[500];
  const Scaling scaling = DiscreteV(DdpmTable::Standard()).At(q);
  EXPECT_DOUBLE_EQ(scaling.c_in, 1 / std::sqrt(q * q + 1));
  EXPECT_DOUBLE_EQ(scaling.c_skip, 1 / (q * q + 1));
  EXPECT_DOUBLE_EQ(scaling.c_out, -q / std::sqrt(q * q + 1));
  EXPECT_EQ(scaling.time, 500.0);
}

// Between two entries the absolute difference decides: a level between their geometric and their
// arithmetic mean goes down, where nearness in log sigma would take it up.
TEST(PreconditioningTest, SnapsByAbsoluteDifference) {
  const auto& sigmas = DdpmTable::Standard().sigmas();
  const double low = sigmas[0], high = sigmas[1];
  const double sigma = (std::sqrt(low * high) + (low + high) / 2) / 2;
  EXPECT_GT(std::log(sigma / low), std::log(high / sigma));
  for (const Scaling& scaling : {DiscreteEpsilon(DdpmTable::Standard()).At(sigma),
                                 DiscreteV(DdpmTable::Standard()).At(sigma)}) {
    EXPECT_EQ(scaling.time, 0.0);
    EXPECT_DOUBLE_EQ(scaling.c_in, 1 / std::sqrt(low * low + 1));
  }
}

TEST(PreconditioningTest, BeyondTheTableItsEndsStand) {
  const DiscreteEpsilon epsilon(DdpmTable::Standard());
  EXPECT_EQ(epsilon.At(100.0).time, 999.0);
  EXPECT_EQ(epsilon.At(1e-6).time, 0.0);
  EXPECT_EQ(epsilon.At(100.0).c_out, -DdpmTable::Standard().sigmas()[999]);
}

}  // namespace
}  // namespace draftp::testing
