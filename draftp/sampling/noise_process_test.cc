// Noise processes: the mixture's moments, and every sampler on a rectified flow whose denoiser and
// probability flow are known in closed form.
#include "draftp/sampling/noise_process.h"

#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/dpmpp_2m.h"
#include "draftp/sampling/dpmpp_2s_ancestral.h"
#include "draftp/sampling/euler_ancestral.h"
#include "draftp/sampling/euler_edm.h"
#include "draftp/sampling/heun_edm.h"
#include "draftp/sampling/linear_multistep.h"
#include "draftp/sampling/per_image_noise.h"
#include "draftp/sampling/trajectory.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct NoLevel {
  double alpha(double) const;
  at::Tensor Initial(const at::Tensor&, double) const;
};
struct IntegerAlpha {
  int alpha(double) const;
  double level(double) const;
  at::Tensor Initial(const at::Tensor&, double) const;
};
static_assert(!NoiseProcess<NoLevel>);
static_assert(!NoiseProcess<IntegerAlpha>);

// Data N(mean, deviation^2) in x = (1 - t) image + t eps: the posterior mean of the image, and
// where the flow takes x: the standardised x stays what it is.
struct FlowGaussian {
  double mean, deviation;

  double Spread(double t) const { return std::hypot((1 - t) * deviation, t); }
  at::Tensor operator()(const at::Tensor& x, double t, const StepContext&) const {
    const double gain = (1 - t) * deviation * deviation / (Spread(t) * Spread(t));
    return mean + gain * (x - (1 - t) * mean);
  }
  at::Tensor Flow(const at::Tensor& x, double from, double to) const {
    return (1 - to) * mean + (x - (1 - from) * mean) * (Spread(to) / Spread(from));
  }
};

const FlowGaussian kGaussian{0.7, 0.5};

at::Tensor FlowState() { return at::linspace(-2, 2.5, 6, at::kDouble).view({2, 1, 1, 3}); }

// n + 1 levels, even in the square root of t.
std::vector<double> FlowLevels(int n, double from, double to) {
  std::vector<double> levels;
  for (int i = 0; i <= n; ++i)
    levels.push_back(std::pow(std::lerp(std::sqrt(from), std::sqrt(to), i / double(n)), 2));
  levels.front() = from, levels.back() = to;
  return levels;
}

TEST(NoiseProcess, LevelAndRelativeLevelAreInverse) {
  for (const double level : {0.0, 0.2, 0.75, 0.99}) {
    EXPECT_NEAR(RectifiedFlow().level(RelativeLevel(RectifiedFlow(), level)), level, 1e-15);
    EXPECT_EQ(VarianceExploding().level(RelativeLevel(VarianceExploding(), level)), level);
  }
  EXPECT_EQ(RectifiedFlow().level(RelativeLevel(RectifiedFlow(), 1.0)), 1.0);
}

TEST(NoiseProcess, StartsFromPureNoiseOfARectifiedFlow) {
  EXPECT_THAT(RectifiedFlow().Initial(FlowState(), 1.0), IsEqualTo(FlowState()));
}

// Diffuse to `from`, then on to `to`: image and noise have the factors of the process at `to`, for
// independent noises as root of the sum of squares.
TEST(NoiseProcess, RenoisingReachesTheMarginalOfItsLevel) {
  const RectifiedFlow flow;
  const at::Tensor one = at::ones({1}, at::kDouble), zero = at::zeros({1}, at::kDouble);
  const double from = 0.3, to = 0.8;
  const double added =
      std::sqrt(std::pow(RelativeLevel(flow, to), 2) - std::pow(RelativeLevel(flow, from), 2));
  const auto to_level = [&](const at::Tensor& image, const at::Tensor& first,
                            const at::Tensor& second) {
    return Renoise(flow, Diffuse(flow, image, from, first), from, to, added, second).item<double>();
  };
  EXPECT_NEAR(to_level(one, zero, zero), 1 - to, 1e-15);
  EXPECT_NEAR(std::hypot(to_level(zero, one, zero), to_level(zero, zero, one)), to, 1e-15);
}

template <class S>
double FlowOrder(const S& sampler, double from) {
  const auto error = [&](int n) {
    ReplayNoise none;  // a draw throws
    return RelativeError(ResumeTrajectory(FlowLevels(n, from, 0.05), 0, kGaussian, sampler,
                                          InferenceOnly(), FlowState(), none),
                         kGaussian.Flow(FlowState(), from, 0.05));
  };
  EXPECT_LT(error(160), 0.05);
  return std::log2(error(80) / error(160));
}

TEST(RectifiedFlowSamplers, ConvergeAtTheirOrderFromPureNoise) {
  const RectifiedFlow flow;
  EXPECT_GT(FlowOrder(EulerEdm<RectifiedFlow>({}, flow), 1.0), 0.85);
  EXPECT_GT(FlowOrder(HeunEdm<RectifiedFlow>({}, flow), 1.0), 1.85);
  EXPECT_GT(FlowOrder(LinearMultistep<RectifiedFlow>(2, flow), 1.0), 1.85);
  EXPECT_GT(FlowOrder(EulerAncestral<RectifiedFlow>({.eta = 0.0}, flow), 1.0), 0.85);
}

// In the logarithm of the relative level, which is infinite at t = 1: from there a run begins with
// a step of first order.
TEST(RectifiedFlowSamplers, ExponentialIntegratorsAreOfSecondOrderBelowPureNoise) {
  EXPECT_GT(FlowOrder(Dpmpp2m<RectifiedFlow>(), 0.9), 1.85);
  EXPECT_GT(FlowOrder(Dpmpp2sAncestral<RectifiedFlow>({.eta = 0.0}), 0.9), 1.85);
  ReplayNoise none;
  const at::Tensor end =
      ResumeTrajectory(FlowLevels(100, 1.0, 0.0), 0, kGaussian, Dpmpp2m<RectifiedFlow>(),
                       InferenceOnly(), FlowState(), none);
  EXPECT_THAT(end, IsCloseTo(kGaussian.Flow(FlowState(), 1.0, 0.0), 0.02));
}

// The law of noise around a point, as in the samplers' conformance suite: exact for any steps,
// 40000 samples, false alarms with probability 1e-6 a comparison.
template <class S>
void KeepsThePointsLaw(const S& sampler) {
  constexpr double kPoint = 0.7, kDeviations = 4.89;
  ASSERT_TRUE(sampler.draws_noise());
  PerImageNoise noise(20, std::vector<int64_t>{0});
  const std::vector<double> levels = {1.0, 0.8, 0.5, 0.2};
  const at::Tensor x = noise.Initial({1, 1, 200, 200}).to(at::kDouble);
  const FlowGaussian point{kPoint, 0.0};
  const at::Tensor end = ResumeTrajectory(levels, 0, point, sampler, InferenceOnly(), x, noise);
  const at::Tensor eps = (end - 0.8 * kPoint) / 0.2;
  const auto n = static_cast<double>(eps.numel());
  EXPECT_LT(std::abs(eps.mean().item<double>()) * std::sqrt(n), kDeviations);
  EXPECT_LT(std::abs(eps.square().mean().item<double>() - 1) * std::sqrt(n / 2), kDeviations);
}

TEST(RectifiedFlowSamplers, ChurnAndAncestralNoiseKeepTheLaw) {
  KeepsThePointsLaw(EulerEdm<RectifiedFlow>({.s_churn = 1.0}));
  KeepsThePointsLaw(HeunEdm<RectifiedFlow>({.s_churn = 1.0}));
  KeepsThePointsLaw(EulerAncestral<RectifiedFlow>());
  KeepsThePointsLaw(Dpmpp2sAncestral<RectifiedFlow>());
}

// A denoiser that a parameter moves, trained in the last two of six steps: what the differences of
// a run see where the parameter acts in those steps alone.
TEST(RectifiedFlowSamplers, ATruncatedRunsGradientMatchesFiniteDifferences) {
  const at::Tensor shift = at::full({1, 1, 1, 3}, 0.1, at::kDouble);
  const auto run = [&](int window, const auto& shift_in) {
    const auto denoiser = [&](const at::Tensor& x, double t, const StepContext& step) {
      return kGaussian(x, t, step) + (x * shift_in(step)).tanh();
    };
    ReplayNoise none;
    return RunTrajectory(FlowLevels(6, 1.0, 0.0), denoiser, HeunEdm<RectifiedFlow>(), LastK(window),
                         FlowState(), none);
  };
  const auto acting_late = [&](const at::Tensor& moved) {
    return run(6, [&](const StepContext& step) { return step.index >= 4 ? moved : shift; });
  };
  const auto truncated = [&](const at::Tensor& moved) {
    return run(2, [&](const StepContext&) { return moved; });
  };
  EXPECT_LT(GradientError(acting_late, shift), 1e-7);
  EXPECT_THAT(AutogradGradient(truncated, shift),
              IsCloseTo(AutogradGradient(acting_late, shift), 1e-12));
}

}  // namespace
}  // namespace draftp::testing
