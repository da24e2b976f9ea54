// Tests of the members of weighing functions.
#include "draftp/schedule/weighings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "draftp/schedule/weighing_conformance.h"

namespace draftp::testing {
namespace {

struct BaseExamples {
  static std::vector<BaseWeighing> All() { return {BaseWeighing()}; }
};
struct DraftExamples {
  static std::vector<DraftWeighing> All() { return {DraftWeighing()}; }
};
struct ConstantExamples {
  static std::vector<ConstantWeighing> All() {
    return {ConstantWeighing(-1), ConstantWeighing(0.7), ConstantWeighing(1.6)};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Base, WeighingConformance, BaseExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(Constant, WeighingConformance, ConstantExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(Draft, WeighingConformance, DraftExamples);

TEST(ConstantWeighingTest, BaseIsZeroAndDraftIsOneAndANumberIsItself) {
  for (const StepContext& step : ConformanceSteps()) {
    EXPECT_EQ(BaseWeighing()(step), 0);
    EXPECT_EQ(DraftWeighing()(step), 1);
    EXPECT_EQ(ConstantWeighing(1.6)(step), 1.6);
  }
}

struct LinearExamples {
  static std::vector<LinearWeighing<>> All() { return {LinearWeighing<>()}; }
};
struct LinearOverTimeExamples {
  using Linear = LinearWeighing<coordinate::Time>;
  static std::vector<Linear> All() { return {Linear()}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Linear, WeighingConformance, LinearExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(LinearOverTime, WeighingConformance, LinearOverTimeExamples);

TEST(LinearWeighingTest, IsIndexOverTotal) {
  for (int i = 0; i < 40; ++i) EXPECT_EQ(LinearWeighing<>()({i, 40, 1, 0}), i / 40.0);
}

TEST(LinearWeighingTest, FallsWithTime) {
  const LinearWeighing<coordinate::Time> linear;
  const auto& sigmas = DdpmTable::Standard().sigmas();
  EXPECT_EQ(linear({0, 2, sigmas[999], 1}), 0.999);
  EXPECT_EQ(linear({1, 2, sigmas[20], 0}), 0.020);
  EXPECT_EQ(linear.name(), "linear@time");
}

struct PowerExamples {
  static std::vector<PowerWeighing<>> All() {
    return {PowerWeighing<>(0), PowerWeighing<>(0.5), PowerWeighing<>(2), PowerWeighing<>(1e300),
            PowerWeighing<>(std::numeric_limits<double>::denorm_min())};
  }
};
struct PowerOverTimeExamples {
  using Power = PowerWeighing<coordinate::Time>;
  static std::vector<Power> All() { return {Power(0), Power(2.5)}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Power, WeighingConformance, PowerExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(PowerOverTime, WeighingConformance, PowerOverTimeExamples);

TEST(PowerWeighingTest, IsAPowerOfIndexOverTotal) {
  for (int i = 0; i < 25; ++i) {
    const double x = i / 25.0;
    EXPECT_DOUBLE_EQ(PowerWeighing<>(2)({i, 25, 1, 0}), x * x);
    EXPECT_DOUBLE_EQ(PowerWeighing<>(4)({i, 25, 1, 0}), x * x * x * x);
    EXPECT_DOUBLE_EQ(PowerWeighing<>(0.5)({i, 25, 1, 0}), std::sqrt(x));
  }
}

TEST(PowerWeighingTest, PowerZeroIsOneAlsoAtTheFirstStep) {
  EXPECT_EQ(PowerWeighing<>(0)({0, 25, 14.6, 9}), 1);
}

TEST(PowerWeighingTest, PrintsItsExponentShort) {
  EXPECT_EQ(PowerWeighing<>(2.50).name(), "power_2.5");
  EXPECT_EQ(PowerWeighing<coordinate::Time>(2).name(), "power_2@time");
}

TEST(PowerWeighingTest, RejectsExponentsThatAreNegativeOrNotFinite) {
  for (const double p : {-1.0, -1e-9, std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    EXPECT_FALSE(PowerWeighing<>::Make(p).ok()) << p;
    EXPECT_THROW(PowerWeighing<>{p}, std::invalid_argument) << p;
  }
}

struct StepExamples {
  static std::vector<StepWeighing<>> All() {
    return {StepWeighing<>(0), StepWeighing<>(0.6), StepWeighing<>(1)};
  }
};
struct StepOverSigmaExamples {
  using Step = StepWeighing<coordinate::Sigma>;
  static std::vector<Step> All() { return {Step(0), Step(2), Step(1e6)}; }
};
struct StepOverLogSnrExamples {
  using Step = StepWeighing<coordinate::LogSnr>;
  static std::vector<Step> All() { return {Step(-5), Step(0), Step(3)}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Step, WeighingConformance, StepExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(StepOverSigma, WeighingConformance, StepOverSigmaExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(StepOverLogSnr, WeighingConformance, StepOverLogSnrExamples);

TEST(StepWeighingTest, SwitchesWhereTheFractionReachesTheThreshold) {
  // 0.6 N is a whole number, at which i/N is the same double as 0.6.
  for (const int n : {5, 10, 25, 40, 50, 1000}) {
    for (int i = 0; i < n; ++i) {
      EXPECT_EQ(StepWeighing<>(0.6)({i, n, 1, 0}), 10 * i >= 6 * n ? 1 : 0) << i << " of " << n;
    }
  }
}

TEST(StepWeighingTest, StepZeroAlwaysAndStepOneNeverUsesTheTunedModel) {
  for (const StepContext& step : ConformanceSteps()) {
    EXPECT_EQ(StepWeighing<>(0)(step), 1);
    EXPECT_EQ(StepWeighing<>(1)(step), 0);
  }
}

TEST(StepWeighingTest, OverSigmaTakesTheNoisySteps) {
  const StepWeighing<coordinate::Sigma> step(2);
  EXPECT_EQ(step({0, 3, 14.6, 2}), 1);
  EXPECT_EQ(step({1, 3, 2, 1}), 1);
  EXPECT_EQ(step({2, 3, 1, 0}), 0);
  EXPECT_EQ(step.name(), "step_2@sigma");
}

TEST(StepWeighingTest, RejectsThresholdsOutsideTheCoordinatesRange) {
  for (const double f : {-1.0, 1.0001, 2.0, std::nan("")}) {
    EXPECT_FALSE(StepWeighing<>::Make(f).ok()) << f;
    EXPECT_THROW(StepWeighing<>{f}, std::invalid_argument) << f;
  }
  EXPECT_TRUE(StepWeighing<coordinate::Sigma>::Make(2).ok());
  EXPECT_FALSE(StepWeighing<coordinate::Sigma>::Make(-1).ok());
  EXPECT_TRUE(StepWeighing<coordinate::LogSnr>::Make(-1).ok());
}

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

struct TabulatedExamples {
  using Tabulated = TabulatedWeighing<>;
  static std::vector<Tabulated> All() {
    return {Tabulated({0.3}), Tabulated({0, 0.5, 1}), Tabulated(std::vector<double>(1000, 0.7))};
  }
};
struct TabulatedOverTimeExamples {
  using Tabulated = TabulatedWeighing<coordinate::Time>;
  static std::vector<Tabulated> All() { return {Tabulated({1, 0})}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Tabulated, WeighingConformance, TabulatedExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(TabulatedOverTime, WeighingConformance, TabulatedOverTimeExamples);

TEST(TabulatedWeighingTest, GivesStepKItsOwnWeightWhenItHasAsManyAsSteps) {
  for (int n = 1; n <= 200; ++n) {
    std::vector<double> weights;
    for (int i = 0; i < n; ++i) weights.push_back(i / 256.0);
    const TabulatedWeighing<> weighing(weights);
    for (int i = 0; i < n; ++i) ASSERT_EQ(weighing({i, n, 1, 0}), weights[i]) << i << " of " << n;
  }
}

TEST(TabulatedWeighingTest, SharesStepsOutEvenly) {
  for (int n = 1; n <= 60; ++n) {
    std::vector<double> weights;
    for (int k = 0; k < 7; ++k) weights.push_back(k / 8.0);
    const TabulatedWeighing<> weighing(weights);
    for (int i = 0; i < n; ++i) ASSERT_EQ(weighing({i, n, 1, 0}), weights[7 * i / n]);
  }
}

TEST(TabulatedWeighingTest, ReadsItsOwnCoordinate) {
  const TabulatedWeighing<coordinate::Time> weighing({0.25, 0.75});
  const auto& sigmas = DdpmTable::Standard().sigmas();
  EXPECT_EQ(weighing({0, 9, sigmas[500], 0}), 0.75);
  EXPECT_EQ(weighing({0, 9, sigmas[499], 0}), 0.25);
  EXPECT_EQ(weighing.name(), "table(0.25,0.75)@time");
}

TEST(TabulatedWeighingTest, RejectsNoWeightsAndWeightsOutsideZeroToOne) {
  for (const auto& weights :
       std::vector<std::vector<double>>{{}, {-0.1}, {0, 1.1}, {std::nan("")}}) {
    EXPECT_FALSE(TabulatedWeighing<>::Make(weights).ok());
    EXPECT_THROW(TabulatedWeighing<>{weights}, std::invalid_argument);
  }
}

using OverSigma = IntervalWeighing<coordinate::Sigma, LinearWeighing<>>;
using OverSteps = IntervalWeighing<coordinate::StepFraction, DraftWeighing>;

struct IntervalExamples {
  static std::vector<OverSteps> All() { return {OverSteps(0, 1, {}), OverSteps(0.25, 0.5, {})}; }
};
struct IntervalOverSigmaExamples {
  static std::vector<OverSigma> All() { return {OverSigma(0.3, 5, {})}; }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Interval, WeighingConformance, IntervalExamples);
INSTANTIATE_TYPED_TEST_SUITE_P(IntervalOverSigma, WeighingConformance, IntervalOverSigmaExamples);

TEST(IntervalWeighingTest, IncludesItsLowerAndExcludesItsUpperBound) {
  const OverSigma interval(0.3, 5, {});
  EXPECT_EQ(interval({2, 10, 5, 1}), 0);
  EXPECT_EQ(interval({2, 10, 4.999, 1}), 0.2);
  EXPECT_EQ(interval({7, 10, 0.3, 0.1}), 0.7);
  EXPECT_EQ(interval({8, 10, 0.299, 0.1}), 0);
  EXPECT_EQ(interval.name(), "interval(0.3,5,linear)@sigma");
}

TEST(IntervalWeighingTest, UpToOneIsAStep) {
  for (const StepContext& at : ConformanceSteps()) {
    EXPECT_EQ(OverSteps(0.6, 1, {})(at), StepWeighing<>(0.6)(at));
  }
}

TEST(IntervalWeighingTest, RejectsBoundsOutOfOrderOrRange) {
  const double nan = std::nan("");
  for (const auto& [a, b] : std::vector<std::pair<double, double>>{
           {0.5, 0.5}, {0.6, 0.5}, {-0.1, 1}, {0, 1.1}, {nan, 1}, {0, nan}}) {
    EXPECT_FALSE(OverSteps::Make(a, b, {}).ok());
    EXPECT_THROW(OverSteps(a, b, {}), std::invalid_argument);
  }
}

using ClampedLinear = ClampedWeighing<LinearWeighing<>>;

struct ClampedExamples {
  static std::vector<ClampedLinear> All() {
    return {ClampedLinear({}, 0, 1), ClampedLinear({}, 0.2, 0.8), ClampedLinear({}, 0.5, 0.5)};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Clamped, WeighingConformance, ClampedExamples);

TEST(ClampedWeighingTest, KeepsWithinItsBounds) {
  const ClampedLinear clamped({}, 0.2, 0.8);
  EXPECT_EQ(clamped({0, 10, 1, 0}), 0.2);
  EXPECT_EQ(clamped({5, 10, 1, 0}), 0.5);
  EXPECT_EQ(clamped({9, 10, 1, 0}), 0.8);
  EXPECT_EQ(clamped.name(), "clamp(linear,0.2,0.8)");
}

TEST(ClampedWeighingTest, RejectsBoundsOutOfOrderOrOutsideZeroToOne) {
  const double nan = std::nan("");
  for (const auto& [lo, hi] : std::vector<std::pair<double, double>>{
           {-0.1, 1}, {0, 1.1}, {0.6, 0.5}, {nan, 1}, {0, nan}}) {
    EXPECT_FALSE(ClampedLinear::Make({}, lo, hi).ok());
    EXPECT_THROW(ClampedLinear({}, lo, hi), std::invalid_argument);
  }
}

struct ReversedExamples {
  using Reversed = ReversedWeighing<AnyWeighing>;
  static std::vector<Reversed> All() {
    return {Reversed(BaseWeighing()), Reversed(StepWeighing<>(0.6))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Reversed, WeighingConformance, ReversedExamples);

TEST(ReversedWeighingTest, ExchangesTheModels) {
  const StepWeighing<> step(0.6);
  const ReversedWeighing reversed(step);
  for (const StepContext& at : ConformanceSteps()) EXPECT_EQ(reversed(at), 1 - step(at));
  EXPECT_EQ(reversed.name(), "reversed(step_0.6)");
}

TEST(ReversedWeighingTest, TwiceIsTheFunctionItself) {
  using Once = ReversedWeighing<StepWeighing<>>;
  const ReversedWeighing<Once> twice(Once(StepWeighing<>(0.3)));
  for (const StepContext& at : ConformanceSteps()) EXPECT_EQ(twice(at), StepWeighing<>(0.3)(at));
}

struct ProductExamples {
  using Product = ProductWeighing<PowerWeighing<>, StepWeighing<coordinate::Sigma>>;
  static std::vector<Product> All() {
    return {Product(PowerWeighing<>(2), StepWeighing<coordinate::Sigma>(0.5)),
            Product(PowerWeighing<>(0), StepWeighing<coordinate::Sigma>(0.5))};
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Product, WeighingConformance, ProductExamples);

TEST(ProductWeighingTest, Multiplies) {
  const ProductWeighing product(LinearWeighing<>{}, PowerWeighing<>(2));
  EXPECT_DOUBLE_EQ(product({3, 10, 1, 0}), 0.3 * 0.09);
}

TEST(ProductWeighingTest, CombinesCoordinates) {
  const ProductWeighing product(LinearWeighing<>{}, StepWeighing<coordinate::Sigma>(2));
  EXPECT_EQ(product({3, 10, 2.5, 2}), 0.3);
  EXPECT_EQ(product({3, 10, 1.5, 1}), 0);
}

TEST(ProductWeighingTest, HasAFlatName) {
  const ProductWeighing two(LinearWeighing<>{}, DraftWeighing{});
  EXPECT_EQ(ProductWeighing(two, BaseWeighing{}).name(), "product(linear,draft,base)");
  EXPECT_EQ(ProductWeighing(BaseWeighing{}, two).name(), "product(base,product(linear,draft))");
}

}  // namespace
}  // namespace draftp::testing
