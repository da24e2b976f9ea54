// Blends of a network that is known in closed form, against their formulas in float64.
#include "draftp/sampling/blend_denoiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/sampling/blendings.h"
#include "draftp/sampling/frequency_bands.h"
#include "draftp/sampling/mixture_denoiser.h"
#include "draftp/sampling/parse_blending.h"
#include "draftp/sampling/trajectory.h"
#include "draftp/schedule/ddpm_table.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;

constexpr StepContext kBlendedStep{3, 10, 2.0, 1.5};  // linear is 0.3
constexpr int kScaledRows = 9;                        // the predictor's model of all adapters

struct BlendedNetwork {
  std::vector<std::vector<RowGroup>> calls = {};

  static at::Tensor Output(const at::Tensor& x, double time, RowGroup row) {
    const double condition = row.condition == Condition::kConditional ? 0.4 : -0.3;
    return (x * (1.0 + row.model) + condition + time / 1000).sin();
  }
  at::Tensor operator()(const at::Tensor& x, double time, std::span<const RowGroup> rows) {
    calls.emplace_back(rows.begin(), rows.end());
    std::vector<at::Tensor> outputs;
    for (const RowGroup& row : rows) outputs.push_back(Output(x, time, row));
    return at::cat(outputs);
  }
};

using Blended = BlendDenoiser<BlendedNetwork, DiscreteEpsilon, ClassifierFreeGuider>;

at::Tensor BlendedState() { return at::linspace(-5, 6, 96, at::kDouble).view({2, 2, 4, 6}); }

Blended Parsed5(BlendedNetwork& network, const std::string& text) {
  return {network, DiscreteEpsilon(DdpmTable::Standard()), ClassifierFreeGuider(5.0),
          ParseBlending(text, {.seed = 7}).value(), kScaledRows};
}

// D of one model under guidance `scale`, as semantics.md has it.
at::Tensor EstimateOf(int model, double scale = 5.0, double sigma = 2.0) {
  const at::Tensor x = BlendedState();
  const DdpmTable& table = DdpmTable::Standard();
  const int index = table.NearestIndex(sigma);
  const double q = table.sigmas()[index];
  const at::Tensor input = x / std::sqrt(q * q + 1);
  const at::Tensor u =
      x - q * BlendedNetwork::Output(input, index, {model, Condition::kUnconditional});
  const at::Tensor c =
      x - q * BlendedNetwork::Output(input, index, {model, Condition::kConditional});
  return u + scale * (c - u);
}

std::vector<RowGroup> GuidedRows(const std::vector<int>& models) {
  std::vector<RowGroup> rows;
  for (const int model : models) {
    rows.push_back({model, Condition::kUnconditional});
    rows.push_back({model, Condition::kConditional});
  }
  return rows;
}

struct BlendCase {
  const char* text;
  at::Tensor expected;
  std::vector<RowGroup> rows;
};

TEST(BlendDenoiserTest, EqualsItsFormulaByOneCallOfWhatHasAShare) {
  const at::Tensor base = EstimateOf(0), one = EstimateOf(1), two = EstimateOf(2);
  const at::Tensor delta = one - base, low = LowFrequencies(delta);
  const at::Tensor along =
      (delta * one).sum({1, 2, 3}, true) / one.square().sum({1, 2, 3}, true) * one;
  const RowGroup tuned_alone{1, Condition::kConditional};
  std::vector<RowGroup> own_guidance = GuidedRows({0});
  own_guidance.push_back(tuned_alone);
  const BlendCase cases[] = {
      {"base", base, GuidedRows({0})},
      {"draft", one, GuidedRows({1})},
      {"linear", base + 0.3 * delta, GuidedRows({0, 1})},
      {"1.6", base + 1.6 * delta, GuidedRows({0, 1})},
      {"mix(linear,0.5)", base + 0.3 * delta + 0.5 * (two - base), GuidedRows({0, 1, 2})},
      {"mix(0.3,0.7)", 0.3 * one + 0.7 * two, GuidedRows({1, 2})},
      {"contrast(linear)", base + 0.3 * (one - two), GuidedRows({0, 1, 2})},
      {"contrast(base)", base, GuidedRows({0})},
      {"weights(linear)", EstimateOf(kScaledRows), GuidedRows({kScaledRows})},
      {"weights(base)", base, GuidedRows({0})},
      {"draw(1)", one, GuidedRows({1})},
      {"draw(0,1)", two, GuidedRows({2})},
      {"guided(linear,2)", 0.7 * base + 0.3 * EstimateOf(1, 2.0), GuidedRows({0, 1})},
      {"guided(linear,1)", 0.7 * base + 0.3 * EstimateOf(1, 1.0), own_guidance},
      {"guided(draft,1)", EstimateOf(1, 1.0), {tuned_alone}},
      {"projected(1.5,linear)", base + 1.5 * (delta - along) + 0.3 * along, GuidedRows({0, 1})},
      {"projected(base)", base, GuidedRows({0})},
      {"projected(draft,draft)", one, GuidedRows({1})},
      {"bands(linear,1.5)", base + 0.3 * low + 1.5 * (delta - low), GuidedRows({0, 1})},
      {"bands(draft,draft)", one, GuidedRows({1})},
  };
  for (const BlendCase& one_case : cases) {
    BlendedNetwork network;
    Blended denoiser = Parsed5(network, one_case.text);
    EXPECT_THAT(denoiser(BlendedState(), 2.0, kBlendedStep), IsCloseTo(one_case.expected, 1e-13))
        << one_case.text;
    EXPECT_THAT(network.calls, ElementsAre(one_case.rows)) << one_case.text;
  }
}

TEST(BlendDenoiserTest, AnnealsBitForBitAsTheMixtureDoes) {
  for (const char* text : {"base", "draft", "linear", "power_2", "step_0.2", "1.6"}) {
    BlendedNetwork network;
    Blended blended = Parsed5(network, text);
    MixtureDenoiser<BlendedNetwork, DiscreteEpsilon, ClassifierFreeGuider> mixture(
        network, DiscreteEpsilon(DdpmTable::Standard()), {0, ClassifierFreeGuider(5.0)},
        {{1, *ParseWeighing(text), ClassifierFreeGuider(5.0)}});
    EXPECT_THAT(blended(BlendedState(), 2.0, kBlendedStep),
                IsEqualTo(mixture(BlendedState(), 2.0, kBlendedStep)))
        << text;
  }
}

// Velocity: what is projected is D, whatever the network predicts.
TEST(BlendDenoiserTest, ProjectsEstimatesOfAVelocityToo) {
  BlendedNetwork network;
  BlendDenoiser<BlendedNetwork, DiscreteV, ClassifierFreeGuider> denoiser(
      network, DiscreteV(DdpmTable::Standard()), ClassifierFreeGuider(1.0),
      ParseBlending("projected(1.5)").value());
  const double q = DdpmTable::Standard().sigmas()[700];
  const auto estimate = [&](int model) {
    const at::Tensor output = BlendedNetwork::Output(BlendedState() / std::sqrt(q * q + 1), 700,
                                                     {model, Condition::kConditional});
    return BlendedState() / (q * q + 1) - q / std::sqrt(q * q + 1) * output;
  };
  const at::Tensor base = estimate(0), tuned = estimate(1), delta = tuned - base;
  const at::Tensor along =
      (delta * tuned).sum({1, 2, 3}, true) / tuned.square().sum({1, 2, 3}, true) * tuned;
  EXPECT_THAT(denoiser(BlendedState(), q, kBlendedStep),
              IsCloseTo(base + 1.5 * (delta - along), 1e-13));
}

TEST(BlendDenoiserTest, ImagesDontKnowOfEachOther) {
  const at::Tensor x = BlendedState();
  for (const char* text : {"linear", "projected(1.5,linear)", "bands(linear,1.5)", "contrast(2)"}) {
    BlendedNetwork network;
    Blended denoiser = Parsed5(network, text);
    const at::Tensor together = denoiser(x, 2.0, kBlendedStep);
    for (int64_t b = 0; b < 2; ++b)
      EXPECT_THAT(denoiser(x.narrow(0, b, 1), 2.0, kBlendedStep),
                  IsCloseTo(together.narrow(0, b, 1), 1e-14))
          << text;
  }
}

// Heun's correction and 2S's midpoint see the model that was drawn for their step.
TEST(BlendDenoiserTest, EveryEvaluationInsideAStepHasTheStepsDraw) {
  for (const char* name : {"heun", "dpmpp_2s"}) {
    BlendedNetwork network;
    Blended denoiser = Parsed5(network, "draw(0.3,0.4)");
    std::vector<double> sigmas;
    for (int i = 0; i <= 12; ++i) sigmas.push_back(12.0 - i);
    ReplayNoise noise(std::vector<at::Tensor>(12, BlendedState().cos()));
    RunTrajectory(sigmas, denoiser, *AnySampler::Named(name), InferenceOnly(), BlendedState(),
                  noise);
    ASSERT_EQ(network.calls.size(), 23u);
    const DrawBlending draw(7, {0.3, 0.4});
    for (int call = 0; call < 23; ++call)
      EXPECT_EQ(network.calls[call],
                GuidedRows({draw.At(StepAt(sigmas, call / 2)).parts[0].model}));
  }
}

TEST(BlendDenoiserTest, ATimeIsOfTheTableThatTheNetworkWasTrainedOn) {
  const DdpmTable table = DdpmTable::ScaledLinear(0.0001, 0.002, 500);
  const double sigma = table.sigmas()[300];  // time 300/500
  for (const auto& [text, model] :
       {std::pair("step_0.59@time", 1), {"bands(step_0.61@time,0)", 0}}) {
    BlendedNetwork network;
    Blended denoiser(network, DiscreteEpsilon(table), ClassifierFreeGuider(1.0),
                     ParseBlending(text).value());
    denoiser(BlendedState(), sigma, {3, 10, sigma, sigma / 2});
    EXPECT_THAT(network.calls[0], ElementsAre(RowGroup{model, Condition::kConditional}));
  }
}

TEST(BlendDenoiserTest, LeavesItsInputAndHasItsGradient) {
  for (const char* text : {"linear", "projected(1.5,linear)", "bands(linear,1.5)"}) {
    BlendedNetwork network;
    Blended denoiser = Parsed5(network, text);
    const at::Tensor x = BlendedState();
    denoiser(x, 2.0, kBlendedStep);
    EXPECT_THAT(x, IsEqualTo(BlendedState()));
    EXPECT_LT(GradientError([&](const at::Tensor& y) { return denoiser(y, 2.0, kBlendedStep); }, x),
              1e-6)
        << text;
  }
}

TEST(BlendDenoiserTest, RefusesScalesWithoutAModelThatCarriesTheAdapters) {
  BlendedNetwork network;
  Blended denoiser(network, DiscreteEpsilon(DdpmTable::Standard()), ClassifierFreeGuider(1.0),
                   ParseBlending("weights(0.4)").value());
  EXPECT_ANY_THROW(denoiser(BlendedState(), 2.0, kBlendedStep));
}

}  // namespace
}  // namespace draftp::testing
