// Tests of the loop: truncation, gradient modes, early stop, taps.
#include "draftp/sampling/trajectory.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/sampling/euler_edm.h"
#include "draftp/sampling/heun_edm.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;

const std::vector<double> kSigmas = {10.0, 5.0, 2.0, 0.8, 0.3, 0.0};  // five steps

at::Tensor StartState() { return at::linspace(-9, 12, 6, at::kDouble).view({2, 1, 1, 3}); }

// A network of one parameter a step: D = posterior mean + theta[step] tanh(x).
struct TunedDenoiser {
  at::Tensor theta;  // [N]
  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step) const {
    return BimodalDenoiser{1.5, 0.4}(x, sigma, step) + theta[step.index] * x.tanh();
  }
};

// The network alone: D = theta[step] tanh(x).
struct BareDenoiser {
  at::Tensor theta;
  at::Tensor operator()(const at::Tensor& x, double, const StepContext& step) const {
    return theta[step.index] * x.tanh();
  }
};

at::Tensor Theta() { return at::linspace(0.3, 0.9, 5, at::kDouble); }

template <class D, GradientWindow W, Sampler S = EulerEdm<>, class... T>
at::Tensor Render(const D& denoiser, const W& window, const S& sampler = S(), T&... taps) {
  ReplayNoise noise(std::vector<at::Tensor>(10, StartState().sin()));
  return ResumeTrajectory(kSigmas, 0, denoiser, sampler, window, StartState(), noise, taps...);
}

// Windows written as lambdas over (index, total).
template <class F>
struct WindowOf {
  F f;
  StepAction operator()(int index, int total) const { return f(index, total); }
};
template <class F>
WindowOf(F) -> WindowOf<F>;

struct RecordingTap {
  struct Seen {
    int index, evaluation;
    double sigma;
    StepAction action;
    bool grad_mode;
    at::Tensor x, denoised;
  };
  std::vector<Seen> calls = {};
  void operator()(const DenoiserCall& call) {
    calls.push_back({call.step.index, call.evaluation, call.sigma, call.action,
                     at::GradMode::is_enabled(), call.x, call.denoised});
  }
};

TEST(RunTrajectoryTest, StartsFromNoiseAtTheFirstLevel) {
  RecordingDenoiser<BimodalDenoiser> denoiser{{1.5, 0.4}};
  ReplayNoise none;
  RunTrajectory(kSigmas, denoiser, EulerEdm(), InferenceOnly(), StartState(), none);
  EXPECT_THAT(denoiser.calls[0].x, IsCloseTo(StartState() * std::sqrt(101.0), 1e-15));
}

TEST(RunTrajectoryTest, GivesEachStepItsContext) {
  RecordingDenoiser<BimodalDenoiser> denoiser{{1.5, 0.4}};
  ReplayNoise none;
  RunTrajectory(kSigmas, denoiser, EulerEdm(), InferenceOnly(), StartState(), none);
  ASSERT_EQ(denoiser.calls.size(), 5u);
  for (int i = 0; i < 5; ++i) {
    const StepContext& step = denoiser.calls[i].step;
    EXPECT_EQ(step.index, i);
    EXPECT_EQ(step.total, 5);
    EXPECT_EQ(step.sigma, kSigmas[i]);
    EXPECT_EQ(step.sigma_next, kSigmas[i + 1]);
  }
}

TEST(RunTrajectoryTest, RefusesLessThanOneTransition) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  ReplayNoise none;
  EXPECT_ANY_THROW(RunTrajectory(std::vector<double>{1.0}, denoiser, EulerEdm(), InferenceOnly(),
                                 StartState(), none));
}

TEST(RunTrajectoryTest, InferenceRecordsNothing) {
  RecordingTap tap;
  const at::Tensor end =
      Render(TunedDenoiser{Theta().requires_grad_()}, InferenceOnly(), EulerEdm(), tap);
  EXPECT_FALSE(end.requires_grad());
  for (const auto& call : tap.calls) EXPECT_FALSE(call.grad_mode);
  EXPECT_TRUE(at::GradMode::is_enabled());
}

// Not inference mode: what comes out may be saved for a backward pass.
TEST(RunTrajectoryTest, WhatInferenceReturnsMayBeDifferentiatedLater) {
  const at::Tensor end = Render(TunedDenoiser{Theta()}, InferenceOnly());
  EXPECT_FALSE(end.is_inference());
}

TEST(RunTrajectoryTest, LeavesACallersNoGradGuardInForce) {
  const at::NoGradGuard guard;
  EXPECT_FALSE(Render(TunedDenoiser{Theta().requires_grad_()}, LastK(5)).requires_grad());
}

TEST(RunTrajectoryTest, ResumingFromAStateIsTheSameRun) {
  const TunedDenoiser denoiser{Theta()};
  const at::Tensor whole = Render(denoiser, InferenceOnly());
  RecordingTap tap;
  Render(denoiser, InferenceOnly(), EulerEdm(), tap);
  ReplayNoise none;
  EXPECT_THAT(
      ResumeTrajectory(kSigmas, 3, denoiser, EulerEdm(), InferenceOnly(), tap.calls[3].x, none),
      IsEqualTo(whole));
}

TEST(RunTrajectoryTest, AUsedSamplerStartsWithoutHistory) {
  AnySampler sampler = *AnySampler::Named("lms");
  ReplayNoise none;
  const TunedDenoiser denoiser{Theta()};
  sampler.Step(denoiser, StartState(), {0, 5, 20.0, 10.0}, none);
  EXPECT_THAT(
      Render(TunedDenoiser{Theta()}, InferenceOnly(), sampler),
      IsEqualTo(Render(TunedDenoiser{Theta()}, InferenceOnly(), *AnySampler::Named("lms"))));
}

// Truncation, with every sampler: theta[i] acts in step i alone, so the gradient of a window that
// opens at step N-K is zero before and the whole function's derivative from there on.
class TruncationTest : public ::testing::TestWithParam<std::string> {
 protected:
  static at::Tensor End(const at::Tensor& theta, int k) {
    return Render(TunedDenoiser{theta}, LastK(k), *AnySampler::Named(GetParam(), {.s_churn = 1.0}));
  }
};

TEST_P(TruncationTest, GradientIsExactlyZeroBeforeTheWindowAndRightInside) {
  for (const int k : {0, 1, 2, 5}) {
    const at::Tensor gradient =
        AutogradGradient([k](const at::Tensor& theta) { return End(theta, k); }, Theta());
    EXPECT_THAT(gradient.slice(0, 0, 5 - k), IsEqualTo(at::zeros({5 - k}, at::kDouble))) << k;
    if (k == 0) continue;
    const auto inside = [k](const at::Tensor& tail) {
      return End(at::cat({Theta().slice(0, 0, 5 - k), tail}), k);
    };
    EXPECT_LT(GradientError(inside, Theta().slice(0, 5 - k)), 1e-7) << k;
  }
}

TEST_P(TruncationTest, ValuesDoNotDependOnTheWindow) {
  EXPECT_THAT(End(Theta().requires_grad_(), 3).detach(), IsEqualTo(End(Theta(), 0)));
}

INSTANTIATE_TEST_SUITE_P(EverySampler, TruncationTest, ::testing::ValuesIn(AnySampler::Names()),
                         [](const auto& info) { return info.param; });

TEST(LastKTest, TheStateEntersTheWindowAsAConstant) {
  const auto end = [](const at::Tensor& x) {
    const TunedDenoiser denoiser{Theta()};
    ReplayNoise none;
    return ResumeTrajectory(kSigmas, 0, denoiser, EulerEdm(), LastK(4), x, none);
  };
  EXPECT_THAT(AutogradGradient(end, StartState()), IsEqualTo(at::zeros_like(StartState())));
}

// DRTune: x_{i+1} = x_i + (sigma_{i+1} - sigma_i)/sigma_i (x_i - D_i) with (x - D)/sigma constant
// in x, so dx_N/dtheta_i is what step i adds, (1 - sigma_{i+1}/sigma_i) tanh(x_i), with nothing
// that later steps change.
TEST(DetachedInputTest, TheStatePathKeepsItsGradientAndTheNetworksInputHasNone) {
  RecordingTap tap;
  const at::Tensor theta = Theta().requires_grad_();
  const at::Tensor end =
      Render(BareDenoiser{theta}, WindowOf{[](int, int) { return StepAction::kDetachedInput; }},
             EulerEdm(), tap);
  const at::Tensor gradient = torch::autograd::grad({end.sum()}, {theta})[0];
  for (int i = 0; i < 5; ++i) {
    const double weight = 1.0 - kSigmas[i + 1] / kSigmas[i];
    EXPECT_NEAR(gradient[i].item<double>(), weight * tap.calls[i].x.tanh().sum().item<double>(),
                1e-13)
        << i;
  }
  EXPECT_THAT(end.detach(), IsCloseTo(Render(BareDenoiser{Theta()}, InferenceOnly()), 1e-15));
}

// Equally spaced training steps: the others are constants on the state path.
TEST(StateOnlyTest, PassesTheStatesGradientOnAndAddsNone) {
  RecordingTap tap;
  const at::Tensor theta = Theta().requires_grad_();
  const auto window = [](int i, int) {
    return i == 1 ? StepAction::kDetachedInput : StepAction::kStateOnly;
  };
  const at::Tensor end = Render(BareDenoiser{theta}, WindowOf{window}, EulerEdm(), tap);
  const at::Tensor gradient = torch::autograd::grad({end.sum()}, {theta})[0];
  at::Tensor expected = at::zeros({5}, at::kDouble);
  expected[1] = (1.0 - 2.0 / 5.0) * tap.calls[1].x.detach().tanh().sum();
  EXPECT_THAT(gradient, IsCloseTo(expected, 1e-13));
  for (int i : {0, 2, 3, 4}) EXPECT_EQ(gradient[i].item<double>(), 0.0);
}

// ReFL: no gradient up to a late step, then x_0 from there in one evaluation.
TEST(PredictAndStopTest, ReturnsTheEstimateOfItsStep) {
  const auto window = [](int i, int) {
    return i == 3 ? StepAction::kPredictAndStop : StepAction::kNoGradient;
  };
  RecordingTap tap;
  const at::Tensor end = Render(TunedDenoiser{Theta()}, WindowOf{window}, HeunEdm(), tap);
  EXPECT_EQ(tap.calls.back().index, 3);
  EXPECT_EQ(tap.calls.back().evaluation, 0);
  EXPECT_EQ(tap.calls.back().sigma, 0.8);
  EXPECT_THAT(end, IsEqualTo(TunedDenoiser{Theta()}(tap.calls.back().x, 0.8, {3, 5, 0.8, 0.3})));
}

TEST(PredictAndStopTest, DifferentiatesThatStepAlone) {
  const auto end = [](const at::Tensor& theta) {
    const auto window = [](int i, int) {
      return i == 3 ? StepAction::kPredictAndStop : StepAction::kNoGradient;
    };
    return Render(TunedDenoiser{theta}, WindowOf{window});
  };
  const at::Tensor gradient = AutogradGradient(end, Theta());
  for (int i : {0, 1, 2, 4}) EXPECT_EQ(gradient[i].item<double>(), 0.0);
  const auto third = [&](const at::Tensor& one) {
    return end(at::cat({Theta().slice(0, 0, 3), one, Theta().slice(0, 4)}));
  };
  EXPECT_LT(GradientError(third, Theta().slice(0, 3, 4)), 1e-7);
}

// DRTune's early stop: the one-step estimate keeps the state's gradient, here 1 for each earlier
// step's addition.
TEST(PredictAndStopTest, StopsWithADetachedInputToo) {
  RecordingTap tap;
  const at::Tensor theta = Theta().requires_grad_();
  const auto window = [](int i, int) {
    return i == 2 ? StepAction::kDetachedInput.AndStop() : StepAction::kDetachedInput;
  };
  const at::Tensor end = Render(BareDenoiser{theta}, WindowOf{window}, EulerEdm(), tap);
  const at::Tensor gradient = torch::autograd::grad({end.sum()}, {theta})[0];
  const auto tanh_at = [&](int i) { return tap.calls[i].x.detach().tanh().sum().item<double>(); };
  EXPECT_NEAR(gradient[0].item<double>(), 0.5 * tanh_at(0), 1e-13);
  EXPECT_NEAR(gradient[2].item<double>(), tanh_at(2), 1e-13);
  EXPECT_EQ(gradient[3].item<double>(), 0.0);
}

// DRaFT-LV: copies of the final latent, noised again to the last level and denoised in one step
// with gradient.
TEST(ResumeTrajectoryTest, RendersReNoisedCopiesInTheLastStep) {
  const at::Tensor final = Render(TunedDenoiser{Theta()}, InferenceOnly()),
                   eps = StartState().cos();
  const auto copy = [&](const at::Tensor& theta) {
    const TunedDenoiser denoiser{theta};
    ReplayNoise none;
    return ResumeTrajectory(kSigmas, 4, denoiser, EulerEdm(), LastK(1), final + 0.3 * eps, none);
  };
  EXPECT_THAT(copy(Theta()),
              IsCloseTo(TunedDenoiser{Theta()}(final + 0.3 * eps, 0.3, {4, 5, 0.3, 0.0}), 1e-15));
  EXPECT_LT(GradientError(copy, Theta()), 1e-7);
}

TEST(TapTest, SeesEveryEvaluationWithItsPlace) {
  RecordingTap tap;
  Render(TunedDenoiser{Theta().requires_grad_()}, LastK(2), HeunEdm(), tap);
  std::vector<int> steps, evaluations, with_gradient;
  for (const auto& call : tap.calls) {
    steps.push_back(call.index);
    evaluations.push_back(call.evaluation);
    with_gradient.push_back(call.grad_mode);
    EXPECT_EQ(call.action, call.index >= 3 ? StepAction::kGradient : StepAction::kNoGradient);
    EXPECT_EQ(call.sigma, kSigmas[call.index + call.evaluation]);
    EXPECT_EQ(call.denoised.requires_grad(), call.index >= 3);
  }
  EXPECT_THAT(steps, ElementsAre(0, 0, 1, 1, 2, 2, 3, 3, 4));
  EXPECT_THAT(evaluations, ElementsAre(0, 1, 0, 1, 0, 1, 0, 1, 0));
  EXPECT_THAT(with_gradient, ElementsAre(0, 0, 0, 0, 0, 0, 1, 1, 1));
}

TEST(TapTest, SeesTheChurnedStateAndLevel) {
  RecordingTap tap;
  Render(TunedDenoiser{Theta()}, InferenceOnly(), EulerEdm({.s_churn = 1.0}), tap);
  EXPECT_DOUBLE_EQ(tap.calls[0].sigma, 12.0);
  EXPECT_THAT(tap.calls[0].x,
              IsCloseTo(StartState() + StartState().sin() * std::sqrt(44.0), 1e-14));
}

// KL against a base denoiser at the same x: mean over the window's steps of the mean of (d_tuned -
// d_base)^2.
struct KlTap {
  at::Tensor sum = at::zeros({}, at::kDouble);
  int steps = 0;
  void operator()(const DenoiserCall& call) {
    if (call.evaluation != 0 || call.action.gradient == GradientMode::kNone) return;
    const at::Tensor base = [&] {
      const at::NoGradGuard no_grad;
      return BimodalDenoiser{1.5, 0.4}(call.x, call.sigma, call.step);
    }();
    sum = sum + ((base - call.denoised) / call.sigma).square().mean();
    ++steps;
  }
};
static_assert(Tap<KlTap>);

TEST(TapTest, AKlTermIsATap) {
  RecordingTap calls;
  KlTap kl;
  Render(TunedDenoiser{Theta()}, LastK(2), HeunEdm(), kl, calls);
  double expected = 0;
  for (const auto& call : calls.calls) {
    if (call.index < 3 || call.evaluation != 0) continue;
    expected += (Theta()[call.index] * call.x.tanh() / call.sigma).square().mean().item<double>();
  }
  EXPECT_EQ(kl.steps, 2);
  EXPECT_NEAR(kl.sum.item<double>(), expected, 1e-13);
}

TEST(TapTest, TheKlTermsGradientStaysInTheWindow) {
  const auto kl_of = [](const at::Tensor& theta) {
    KlTap kl;
    Render(TunedDenoiser{theta}, LastK(2), EulerEdm(), kl);
    return kl.sum;
  };
  const at::Tensor gradient = AutogradGradient(kl_of, Theta());
  for (int i : {0, 1, 2}) EXPECT_EQ(gradient[i].item<double>(), 0.0);
  EXPECT_GT(std::abs(gradient[3].item<double>()), 0.0);
  EXPECT_GT(std::abs(gradient[4].item<double>()), 0.0);
}

TEST(TapTest, MayEndTheRunByThrowing) {
  int calls = 0;
  auto stop = [&calls](const DenoiserCall&) {
    if (++calls == 3) throw std::runtime_error("stop");
  };
  EXPECT_THROW(Render(TunedDenoiser{Theta()}, InferenceOnly(), EulerEdm(), stop),
               std::runtime_error);
  EXPECT_TRUE(at::GradMode::is_enabled());
}

}  // namespace
}  // namespace draftp::testing
