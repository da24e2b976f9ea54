// What every sampler must do: a suite that each member instantiates (tests only).
#ifndef DRAFTP_SAMPLING_SAMPLER_CONFORMANCE_H_
#define DRAFTP_SAMPLING_SAMPLER_CONFORMANCE_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/linspace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/gradient_window.h"
#include "draftp/sampling/per_image_noise.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/trajectory.h"
#include "draftp/testing/gradient_check.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {

// A member is described by a type with
//   static S Default();       the member as it is used, with its noise if it has any
//   static S Deterministic()  set to follow the probability-flow ODE
//   static constexpr int kOrder                order of convergence of the latter
//   static constexpr int kEvaluations          denoiser calls in a step that doesn't end at 0
// A sampler of few-step models has kOfFewSteps as well: the network that it is for tells the end of
// the flow, not the mean, and the rules about the last step and the data law aren't for it; without
// Deterministic() it doesn't follow the flow at all.
//   INSTANTIATE_TYPED_TEST_SUITE_P(HeunEdm, SamplerConformance, HeunTraits);
template <class Traits>
class SamplerConformance : public ::testing::Test {
 protected:
  // Six values in two images, [2,1,1,3] f64.
  static at::Tensor State() { return at::linspace(-9, 12, 6, at::kDouble).view({2, 1, 1, 3}); }
  // Different values for each draw and element.
  static ReplayNoise Noise() {
    std::vector<at::Tensor> draws;
    for (int i = 0; i < 16; ++i) draws.push_back((State() * (i + 1.7)).sin());
    return ReplayNoise(draws);
  }
  // n + 1 levels from 10 to 0.5, even in the cube root.
  static std::vector<double> Levels(int n) {
    std::vector<double> sigmas;
    for (int i = 0; i <= n; ++i)
      sigmas.push_back(std::pow(std::lerp(std::cbrt(10.0), std::cbrt(0.5), i / double(n)), 3));
    return sigmas;
  }
  template <class D, class S>
  static at::Tensor Run(D& denoiser, S sampler, const std::vector<double>& sigmas,
                        const at::Tensor& x) {
    ReplayNoise noise = Noise();
    return ResumeTrajectory(sigmas, 0, denoiser, sampler, LastK(1000), x, noise);
  }

  const uint64_t seed_ = 20;
  const std::vector<double> sigmas_ = {10.0, 4.0, 1.5, 0.6};
  BimodalDenoiser bimodal_{1.5, 0.4};
};
TYPED_TEST_SUITE_P(SamplerConformance);

template <class Traits>
concept OfFewSteps = requires { Traits::kOfFewSteps; };
template <class Traits>
concept FollowsTheFlow = requires { Traits::Deterministic(); };

TYPED_TEST_P(SamplerConformance, AStepToZeroReturnsTheEstimate) {
  if constexpr (OfFewSteps<TypeParam>) return;
  const auto denoiser = [](const at::Tensor& x, double, const StepContext&) {
    return at::full_like(x, 0.3);
  };
  const at::Tensor x = this->State();
  EXPECT_THAT(this->Run(denoiser, TypeParam::Default(), {5.0, 0.0}, x),
              IsCloseTo(at::full_like(x, 0.3), 1e-14));
}

TYPED_TEST_P(SamplerConformance, ConvergesToTheProbabilityFlowAtItsOrder) {
  if constexpr (FollowsTheFlow<TypeParam>) {
    const GaussianDenoiser gaussian{0.7, 0.5};
    const at::Tensor x = this->State(), exact = gaussian.Flow(x, 10.0, 0.5);
    const auto error = [&](int n) {
      ReplayNoise none;  // a draw throws
      return RelativeError(ResumeTrajectory(this->Levels(n), 0, gaussian,
                                            TypeParam::Deterministic(), InferenceOnly(), x, none),
                           exact);
    };
    const double order = std::log2(error(80) / error(160));
    EXPECT_LT(error(160), 0.1);
    EXPECT_GT(order, TypeParam::kOrder - 0.15) << "errors " << error(80) << " and " << error(160);
  }
}

TYPED_TEST_P(SamplerConformance, EvaluatesFromTheStepsLevelDownwards) {
  RecordingDenoiser<BimodalDenoiser> denoiser{this->bimodal_};
  this->Run(denoiser, TypeParam::Default(), {10.0, 4.0, 0.0}, this->State());
  ASSERT_EQ(denoiser.calls.size(), TypeParam::kEvaluations + 1u);
  EXPECT_EQ(TypeParam::Default().evaluations(), TypeParam::kEvaluations);
  EXPECT_GE(denoiser.calls.front().sigma, 10.0);
  for (std::size_t i = 0; i < denoiser.calls.size(); ++i) {
    const auto& call = denoiser.calls[i];
    EXPECT_EQ(call.step.index, i < TypeParam::kEvaluations ? 0 : 1);
    EXPECT_EQ(call.step.sigma, call.step.index == 0 ? 10.0 : 4.0);
    EXPECT_EQ(call.step.sigma_next, call.step.index == 0 ? 4.0 : 0.0);
    EXPECT_EQ(call.step.total, 2);
    EXPECT_GT(call.sigma, 0.0);
  }
}

TYPED_TEST_P(SamplerConformance, LeavesStatesAndEstimatesAsTheyAre) {
  RecordingDenoiser<BimodalDenoiser> denoiser{this->bimodal_};
  const at::Tensor x = this->State();
  this->Run(denoiser, TypeParam::Default(), this->sigmas_, x);
  EXPECT_THAT(x, IsEqualTo(this->State()));
  for (const auto& call : denoiser.calls) {
    EXPECT_THAT(call.x, IsEqualTo(call.x_before));
    EXPECT_THAT(call.denoised, IsEqualTo(call.denoised_before));
  }
}

TYPED_TEST_P(SamplerConformance, SaysWhetherItDrawsNoise) {
  if constexpr (FollowsTheFlow<TypeParam>) {
    EXPECT_FALSE(TypeParam::Deterministic().draws_noise());
  }
  ReplayNoise noise = this->Noise();
  ResumeTrajectory(this->sigmas_, 0, this->bimodal_, TypeParam::Default(), InferenceOnly(),
                   this->State(), noise);
  EXPECT_EQ(noise.drawn() > 0, TypeParam::Default().draws_noise());
}

TYPED_TEST_P(SamplerConformance, KeepsFloat32AndAgreesWithFloat64) {
  const at::Tensor actual =
      this->Run(this->bimodal_, TypeParam::Default(), this->sigmas_, this->State().to(at::kFloat));
  EXPECT_EQ(actual.scalar_type(), at::kFloat);
  EXPECT_THAT(actual, IsCloseTo(this->Run(this->bimodal_, TypeParam::Default(), this->sigmas_,
                                          this->State()),
                                2e-6));
}

TYPED_TEST_P(SamplerConformance, ImagesOfABatchDoNotMeet) {
  const at::Tensor together =
      this->Run(this->bimodal_, TypeParam::Default(), this->sigmas_, this->State());
  at::Tensor other = this->State();
  other[1].add_(3.0);
  const at::Tensor changed = this->Run(this->bimodal_, TypeParam::Default(), this->sigmas_, other);
  EXPECT_THAT(changed[0], IsEqualTo(together[0]));
  EXPECT_GT(RelativeError(changed[1], together[1]), 1e-3);
}

TYPED_TEST_P(SamplerConformance, ResetForgetsTheLastRun) {
  auto used = TypeParam::Default();
  ReplayNoise noise = this->Noise();
  used.Step(this->bimodal_, this->State() * 2, {0, 3, 20.0, 10.0}, noise);
  used.Reset();
  const at::Tensor fresh =
      this->Run(this->bimodal_, TypeParam::Default(), this->sigmas_, this->State());
  at::Tensor x = this->State();
  ReplayNoise again = this->Noise();
  for (int i = 0; i < 3; ++i)
    x = used.Step(this->bimodal_, x, {i, 3, this->sigmas_[i], this->sigmas_[i + 1]}, again);
  EXPECT_THAT(x, IsEqualTo(fresh));
}

TYPED_TEST_P(SamplerConformance, ACopyGoesOnByItself) {
  auto sampler = TypeParam::Default();
  ReplayNoise noise = this->Noise();
  const at::Tensor x = sampler.Step(this->bimodal_, this->State(), {0, 3, 10.0, 4.0}, noise);
  auto copy = sampler;
  ReplayNoise one = this->Noise(), other = this->Noise();
  copy.Step(this->bimodal_, x * 2, {1, 3, 4.0, 1.5}, other);
  auto reference = TypeParam::Default();
  ReplayNoise start = this->Noise(), same = this->Noise();
  reference.Step(this->bimodal_, this->State(), {0, 3, 10.0, 4.0}, start);
  EXPECT_THAT(sampler.Step(this->bimodal_, x, {1, 3, 4.0, 1.5}, one),
              IsEqualTo(reference.Step(this->bimodal_, x, {1, 3, 4.0, 1.5}, same)));
}

TYPED_TEST_P(SamplerConformance, GradientOfARunMatchesFiniteDifferences) {
  const auto run = [this](const at::Tensor& x) {
    return this->Run(this->bimodal_, TypeParam::Default(), this->sigmas_, x);
  };
  EXPECT_LT(GradientError(run, this->State()), 1e-7);
}

// The law of a point mass: noise N(point, sigma^2) at every level. All samplers solve its ODE
// exactly (D is a constant), so the noise they add must restore it exactly, whatever the steps.
// 40000 samples; a right sampler fails each of the two comparisons with probability 1e-6 (4.89
// deviations of the estimate; validated for EulerEdm, HeunEdm and EulerAncestral over 1000 seeds:
// scores of mean 0.00 +- 0.09 and deviation 0.95 to 0.98, at most 3.2).
TYPED_TEST_P(SamplerConformance, KeepsTheLawOfNoiseAroundAPoint) {
  constexpr double kPoint = 0.7, kDeviations = 4.89;
  const GaussianDenoiser point{kPoint, 0.0};
  PerImageNoise noise(this->seed_, std::vector<int64_t>{0});
  const at::Tensor x = noise.Initial({1, 1, 200, 200}).to(at::kDouble) * 10.0 + kPoint;
  const at::Tensor end =
      ResumeTrajectory(this->sigmas_, 0, point, TypeParam::Default(), InferenceOnly(), x, noise);
  const double n = static_cast<double>(end.numel()), sigma = this->sigmas_.back();
  const double mean = (end - kPoint).mean().template item<double>() / sigma;
  const double variance = (end - kPoint).square().mean().template item<double>() / (sigma * sigma);
  EXPECT_LT(std::abs(mean) * std::sqrt(n), kDeviations);
  EXPECT_LT(std::abs(variance - 1.0) * std::sqrt(n / 2), kDeviations);
}

// A Gaussian data law comes out at sigma 0, up to the discretisation of 200 steps (first order:
// deviation 0.48).
TYPED_TEST_P(SamplerConformance, TendsToTheDataLaw) {
  if constexpr (OfFewSteps<TypeParam>) return;
  const GaussianDenoiser gaussian{0.7, 0.5};
  PerImageNoise noise(this->seed_, std::vector<int64_t>{0});
  std::vector<double> sigmas = this->Levels(200);
  for (double& sigma : sigmas) sigma -= 0.5;
  sigmas.back() = 0.0;
  const at::Tensor x =
      VarianceExploding().Initial(noise.Initial({1, 1, 100, 100}).to(at::kDouble), sigmas[0]);
  const at::Tensor end =
      ResumeTrajectory(sigmas, 0, gaussian, TypeParam::Default(), InferenceOnly(), x, noise);
  EXPECT_NEAR(end.mean().template item<double>(), 0.7, 0.05);
  EXPECT_NEAR(end.std().template item<double>(), 0.5, 0.03);
}

REGISTER_TYPED_TEST_SUITE_P(SamplerConformance, AStepToZeroReturnsTheEstimate,
                            ConvergesToTheProbabilityFlowAtItsOrder,
                            EvaluatesFromTheStepsLevelDownwards, LeavesStatesAndEstimatesAsTheyAre,
                            SaysWhetherItDrawsNoise, KeepsFloat32AndAgreesWithFloat64,
                            ImagesOfABatchDoNotMeet, ResetForgetsTheLastRun, ACopyGoesOnByItself,
                            GradientOfARunMatchesFiniteDifferences, KeepsTheLawOfNoiseAroundAPoint,
                            TendsToTheDataLaw);

}  // namespace draftp::testing

#endif  // DRAFTP_SAMPLING_SAMPLER_CONFORMANCE_H_
