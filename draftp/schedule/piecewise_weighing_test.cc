// Tests of the piecewise-linear weighing function.
#include "draftp/schedule/piecewise_weighing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

struct PiecewiseExamples {
  using Piecewise = PiecewiseWeighing<>;
  static std::vector<Piecewise> All() {
    return {Piecewise({{0.3, 0.4}}), Piecewise({{0, 0}, {0.5, 1}}),
            Piecewise({{0, 1}, {0.5, 0}, {0.5000000000000001, 1}, {1, 0.2}})};
  }
};
struct PiecewiseOverSigmaExamples {
  using Piecewise = PiecewiseWeighing<coordinate::Sigma>;
  static std::vector<Piecewise> All() { return {Piecewise({{0.1, 1}, {5, 0}})}; }
};
struct PiecewiseOverLogSnrExamples {
  using Piecewise = PiecewiseWeighing<coordinate::LogSnr>;
  static std::vector<Piecewise> All() { return {Piecewise({{-5, 0}, {6, 1}})}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Piecewise, WeighingConformance, PiecewiseExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(PiecewiseOverSigma, WeighingConformance, PiecewiseOverSigmaExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(PiecewiseOverLogSnr, WeighingConformance,
                               PiecewiseOverLogSnrExamples);

TEST(PiecewiseWeighingTest, IsLinearBetweenKnotsAndConstantOutside) {
  const PiecewiseWeighing<> weighing({{0.2, 0.1}, {0.6, 0.9}});
  EXPECT_EQ(weighing({0, 10, 1, 0}), 0.1);
  EXPECT_EQ(weighing({2, 10, 1, 0}), 0.1);
  EXPECT_DOUBLE_EQ(weighing({3, 10, 1, 0}), 0.3);
  EXPECT_DOUBLE_EQ(weighing({4, 10, 1, 0}), 0.5);
  EXPECT_EQ(weighing({6, 10, 1, 0}), 0.9);
  EXPECT_EQ(weighing({9, 10, 1, 0}), 0.9);
}

TEST(PiecewiseWeighingTest, ReadsItsOwnCoordinate) {
  const PiecewiseWeighing<coordinate::Sigma> weighing({{1, 1}, {3, 0}});
  EXPECT_DOUBLE_EQ(weighing({5, 10, 2.5, 2}), 0.25);
  EXPECT_EQ(weighing.name(), "piecewise(1:1,3:0)@sigma");
}

TEST(PiecewiseWeighingTest, RejectsKnotsThatMakeNoFunction) {
  const double nan = std::nan("");
  const std::vector<std::vector<Knot>> bad = {
      {},         {{-0.1, 0}}, {{1.1, 0}},           {{nan, 0}},          {{0, -0.1}},
      {{0, 1.1}}, {{0, nan}},  {{0.5, 0}, {0.5, 1}}, {{0.5, 0}, {0.4, 1}}};
  for (const std::vector<Knot>& knots : bad) {
    EXPECT_FALSE(PiecewiseWeighing<>::Make(knots).ok());
    EXPECT_THROW(PiecewiseWeighing<>{knots}, std::invalid_argument);
  }
}

}  // namespace
}  // namespace draftp::testing
