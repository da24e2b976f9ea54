// Tests of guidance and mixtures against semantics written out in float64.
#include "draftp/sampling/mixture_denoiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/sampling/guiders.h"
#include "draftp/sampling/trajectory.h"
#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/parse_weighing.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;

constexpr RowGroup kBaseUncond{0, Condition::kUnconditional}, kBaseCond{0, Condition::kConditional};
constexpr RowGroup kTunedUncond{1, Condition::kUnconditional},
    kTunedCond{1, Condition::kConditional};
constexpr StepContext kMixedStep{3, 10, 2.0, 1.5};

// A network with an output of its own for each model and condition; remembers its calls.
struct FakeNetwork {
  struct Call {
    at::Tensor x;
    double time;
    std::vector<RowGroup> rows;
  };
  at::ScalarType dtype = at::kDouble;
  std::vector<Call> calls = {};

  static at::Tensor Output(const at::Tensor& x, double time, RowGroup row) {
    const double condition = row.condition == Condition::kConditional ? 0.4 : -0.3;
    return (x * (1.0 + row.model) + condition + time / 1000).sin();
  }
  at::Tensor operator()(const at::Tensor& x, double time, std::span<const RowGroup> rows) {
    calls.push_back({x, time, {rows.begin(), rows.end()}});
    std::vector<at::Tensor> outputs;
    for (const RowGroup& row : rows) outputs.push_back(Output(x, time, row));
    return at::cat(outputs).to(dtype);
  }
};
static_assert(NoisePredictor<FakeNetwork>);

using Denoiser2 = MixtureDenoiser<FakeNetwork, DiscreteEpsilon, ClassifierFreeGuider>;

at::Tensor State() { return at::linspace(-5, 6, 6, at::kDouble).view({2, 1, 1, 3}); }
DiscreteEpsilon Epsilon() { return DiscreteEpsilon(DdpmTable::Standard()); }
AnyWeighing Constant(double w) {
  return AnyWeighing([w](const StepContext&) { return w; }, "constant");
}
Denoiser2 Annealed(FakeNetwork& network, AnyWeighing weight, double scale = 5.0) {
  return Denoiser2(network, Epsilon(), {0, ClassifierFreeGuider(scale)},
                   {{1, std::move(weight), ClassifierFreeGuider(scale)}});
}

// semantics.md written out in float64: D of one model, guided.
at::Tensor GuidedD(const at::Tensor& x, double sigma, int model, double scale) {
  const DdpmTable& table = DdpmTable::Standard();
  const int index = table.NearestIndex(sigma);
  const double q = table.sigmas()[index];
  const at::Tensor input = x / std::sqrt(q * q + 1);
  const at::Tensor u =
      x - q * FakeNetwork::Output(input, index, {model, Condition::kUnconditional});
  const at::Tensor c = x - q * FakeNetwork::Output(input, index, {model, Condition::kConditional});
  return u + scale * (c - u);
}

TEST(MixtureDenoiserTest, GuidesOneModelInOneDoubledBatchUnconditionalFirst) {
  FakeNetwork network;
  Denoiser2 denoiser(network, Epsilon(), {0, ClassifierFreeGuider(5.0)});
  EXPECT_THAT(denoiser(State(), 2.0, kMixedStep), IsCloseTo(GuidedD(State(), 2.0, 0, 5.0), 1e-14));
  ASSERT_EQ(network.calls.size(), 1u);
  EXPECT_THAT(network.calls[0].rows, ElementsAre(kBaseUncond, kBaseCond));
}

TEST(MixtureDenoiserTest, ScaleOneTakesOneRowAnImage) {
  FakeNetwork network;
  auto denoiser = GuidedDenoiser(network, Epsilon(), 0, ClassifierFreeGuider(1.0));
  EXPECT_THAT(denoiser(State(), 2.0, kMixedStep), IsCloseTo(GuidedD(State(), 2.0, 0, 1.0), 1e-14));
  EXPECT_THAT(network.calls[0].rows, ElementsAre(kBaseCond));
}

TEST(MixtureDenoiserTest, TheNetworkSeesTheSnappedLevel) {
  FakeNetwork network;
  auto denoiser = GuidedDenoiser(network, Epsilon(), 0, IdentityGuider());
  const DdpmTable& table = DdpmTable::Standard();
  const double sigma = 0.6 * table.sigmas()[800] + 0.4 * table.sigmas()[801],
               q = table.sigmas()[800];
  denoiser(State(), sigma, kMixedStep);
  EXPECT_EQ(network.calls[0].time, 800.0);
  EXPECT_THAT(network.calls[0].x, IsCloseTo(State() / std::sqrt(q * q + 1), 1e-15));
}

// The sampler's d divides by the raw sigma: x + (sigma_next - sigma)/sigma q eps.
TEST(MixtureDenoiserTest, ASamplersDerivativeDividesByTheRawLevel) {
  FakeNetwork network;
  auto denoiser = GuidedDenoiser(network, Epsilon(), 0, IdentityGuider());
  const DdpmTable& table = DdpmTable::Standard();
  const double q = table.sigmas()[800], sigma = 0.6 * q + 0.4 * table.sigmas()[801];
  ReplayNoise none;
  const at::Tensor next = EulerEdm().Step(denoiser, State(), {0, 2, sigma, 1.0}, none);
  const at::Tensor eps = FakeNetwork::Output(State() / std::sqrt(q * q + 1), 800, kBaseCond);
  EXPECT_THAT(next, IsCloseTo(State() + (1.0 - sigma) / sigma * q * eps, 1e-14));
}

TEST(MixtureDenoiserTest, VelocityIsSkipPlusScaledOutput) {
  FakeNetwork network;
  auto denoiser =
      GuidedDenoiser(network, DiscreteV(DdpmTable::Standard()), 0, ClassifierFreeGuider(3.0));
  const double q = DdpmTable::Standard().sigmas()[700];
  const at::Tensor input = State() / std::sqrt(q * q + 1);
  const at::Tensor u = FakeNetwork::Output(input, 700, kBaseUncond),
                   c = FakeNetwork::Output(input, 700, kBaseCond);
  const at::Tensor d_u = State() / (q * q + 1) - q / std::sqrt(q * q + 1) * u;
  const at::Tensor d_c = State() / (q * q + 1) - q / std::sqrt(q * q + 1) * c;
  EXPECT_THAT(denoiser(State(), q, kMixedStep), IsCloseTo(d_u + 3.0 * (d_c - d_u), 1e-14));
}

TEST(MixtureDenoiserTest, InterpolatesTheTwoModelsDerivatives) {
  FakeNetwork network;
  Denoiser2 denoiser = Annealed(network, Constant(0.3));
  const at::Tensor d_base = (State() - GuidedD(State(), 2.0, 0, 5.0)) / 2.0;
  const at::Tensor d_tuned = (State() - GuidedD(State(), 2.0, 1, 5.0)) / 2.0;
  const at::Tensor d = (State() - denoiser(State(), 2.0, kMixedStep)) / 2.0;
  EXPECT_THAT(d, IsCloseTo(0.7 * d_base + 0.3 * d_tuned, 1e-13));
  ASSERT_EQ(network.calls.size(), 1u);
  EXPECT_THAT(network.calls[0].rows, ElementsAre(kBaseUncond, kBaseCond, kTunedUncond, kTunedCond));
}

TEST(MixtureDenoiserTest, AModelOfWeightZeroIsNotEvaluated) {
  FakeNetwork network;
  Annealed(network, Constant(0.0))(State(), 2.0, kMixedStep);
  Annealed(network, Constant(1.0))(State(), 2.0, kMixedStep);
  EXPECT_THAT(network.calls[0].rows, ElementsAre(kBaseUncond, kBaseCond));
  EXPECT_THAT(network.calls[1].rows, ElementsAre(kTunedUncond, kTunedCond));
}

TEST(MixtureDenoiserTest, WeightZeroAndOneAreThePlainModels) {
  FakeNetwork network;
  EXPECT_THAT(Annealed(network, Constant(0.0))(State(), 2.0, kMixedStep),
              IsCloseTo(GuidedD(State(), 2.0, 0, 5.0), 1e-14));
  EXPECT_THAT(Annealed(network, Constant(1.0))(State(), 2.0, kMixedStep),
              IsCloseTo(GuidedD(State(), 2.0, 1, 5.0), 1e-14));
}

TEST(MixtureDenoiserTest, AWeightTooSmallToMatterIsStillEvaluated) {
  FakeNetwork network;
  Annealed(network, Constant(1e-30))(State(), 2.0, kMixedStep);
  EXPECT_EQ(network.calls[0].rows.size(), 4u);
}

TEST(MixtureDenoiserTest, TheWeightIsTheStepsWhateverTheEvaluationsLevel) {
  FakeNetwork network;
  std::vector<double> asked;
  const AnyWeighing weighing(
      [&asked](const StepContext& step) {
        asked.push_back(step.sigma);
        return 0.5;
      },
      "recorded");
  Annealed(network, weighing)(State(), 1.1, kMixedStep);
  EXPECT_THAT(asked, ElementsAre(2.0));
}

// Heun's correction, 2S's midpoint: the rows of a step are the same in all its evaluations, up to
// the switch.
TEST(MixtureDenoiserTest, EveryEvaluationInsideAStepUsesTheStepsWeight) {
  for (const char* name : {"heun", "dpmpp_2s"}) {
    FakeNetwork network;
    const AnyWeighing step_half(
        [](const StepContext& s) { return 2 * s.index >= s.total ? 1.0 : 0.0; }, "step_0.5");
    Denoiser2 denoiser = Annealed(network, step_half);
    ReplayNoise noise(std::vector<at::Tensor>(4, State().cos()));
    RunTrajectory(std::vector<double>{8.0, 4.0, 2.0, 1.0, 0.0}, denoiser, *AnySampler::Named(name),
                  InferenceOnly(), State(), noise);
    std::vector<int> models;
    for (const auto& call : network.calls) models.push_back(call.rows[0].model);
    EXPECT_THAT(models, ElementsAre(0, 0, 0, 0, 1, 1, 1)) << name;
  }
}

TEST(MixtureDenoiserTest, ATimeIsOfTheTableThatTheNetworkWasTrainedOn) {
  const DdpmTable table = DdpmTable::ScaledLinear(0.0001, 0.002, 500);
  const double sigma = table.sigmas()[300];  // time 300/500
  for (const auto& [weight, model] : {std::pair("step_0.59@time", 1), {"step_0.61@time", 0}}) {
    FakeNetwork network;
    MixtureDenoiser<FakeNetwork, DiscreteEpsilon, IdentityGuider> denoiser(
        network, DiscreteEpsilon(table), {0, {}}, {{1, *ParseWeighing(weight), {}}});
    denoiser(State(), sigma, {3, 10, sigma, sigma / 2});
    EXPECT_THAT(network.calls[0].rows, ElementsAre(RowGroup{model, Condition::kConditional}));
  }
}

TEST(MixtureDenoiserTest, BlendsSeveralModelsAndLeavesTheBaseOutWhenWeightsAddUpToOne) {
  FakeNetwork network;
  Denoiser2 denoiser(network, Epsilon(), {0, ClassifierFreeGuider(5.0)},
                     {{1, Constant(0.1), ClassifierFreeGuider(5.0)},
                      {2, Constant(0.2), ClassifierFreeGuider(5.0)},
                      {3, Constant(0.7), ClassifierFreeGuider(5.0)}});
  const at::Tensor expected = 0.1 * GuidedD(State(), 2.0, 1, 5.0) +
                              0.2 * GuidedD(State(), 2.0, 2, 5.0) +
                              0.7 * GuidedD(State(), 2.0, 3, 5.0);
  EXPECT_THAT(denoiser(State(), 2.0, kMixedStep), IsCloseTo(expected, 1e-13));
  EXPECT_EQ(network.calls[0].rows.size(), 6u);
}

TEST(MixtureDenoiserTest, EachModelHasItsOwnGuider) {
  FakeNetwork network;
  Denoiser2 denoiser(network, Epsilon(), {0, ClassifierFreeGuider(5.0)},
                     {{1, Constant(0.25), ClassifierFreeGuider(1.0)}});
  const at::Tensor expected =
      0.75 * GuidedD(State(), 2.0, 0, 5.0) + 0.25 * GuidedD(State(), 2.0, 1, 1.0);
  EXPECT_THAT(denoiser(State(), 2.0, kMixedStep), IsCloseTo(expected, 1e-14));
  EXPECT_THAT(network.calls[0].rows, ElementsAre(kBaseUncond, kBaseCond, kTunedCond));
}

// The network's output is rounded to bfloat16; what the denoiser does with it is not.
TEST(MixtureDenoiserTest, ArithmeticIsInTheStatesDtype) {
  FakeNetwork network{.dtype = at::kBFloat16};
  auto denoiser = GuidedDenoiser(network, Epsilon(), 0, IdentityGuider());
  const at::Tensor x = State().to(at::kFloat);
  const double q = DdpmTable::Standard().sigmas()[700];
  const at::Tensor actual = denoiser(x, q, kMixedStep);
  const at::Tensor eps =
      FakeNetwork::Output(x * (1 / std::sqrt(q * q + 1)), 700, kBaseCond).to(at::kBFloat16);
  EXPECT_EQ(actual.scalar_type(), at::kFloat);
  EXPECT_THAT(actual, IsCloseTo(x.to(at::kDouble) - q * eps.to(at::kDouble), 1e-7));
}

TEST(MixtureDenoiserTest, GradientMatchesFiniteDifferences) {
  FakeNetwork network;
  Denoiser2 denoiser = Annealed(network, Constant(0.3));
  EXPECT_LT(
      GradientError([&](const at::Tensor& x) { return denoiser(x, 2.0, kMixedStep); }, State()),
      1e-7);
}

TEST(MixtureDenoiserTest, LeavesItsInputAsItIs) {
  FakeNetwork network;
  const at::Tensor x = State();
  Annealed(network, Constant(0.3))(x, 2.0, kMixedStep);
  EXPECT_THAT(x, IsEqualTo(State()));
}

TEST(MixtureDenoiserTest, RefusesAWeightThatIsNotFinite) {
  FakeNetwork network;
  Denoiser2 denoiser = Annealed(network, Constant(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_ANY_THROW(denoiser(State(), 2.0, kMixedStep));
}

TEST(MixtureDenoiserTest, RefusesAPredictorThatReturnsTooFewRows) {
  auto network = [](const at::Tensor& x, double, std::span<const RowGroup>) { return x; };
  auto denoiser = GuidedDenoiser(network, Epsilon(), 0, ClassifierFreeGuider(5.0));
  EXPECT_ANY_THROW(denoiser(State(), 2.0, kMixedStep));
}

}  // namespace
}  // namespace draftp::testing
