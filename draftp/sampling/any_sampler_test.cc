// Tests of the sampler chosen by name, and of all samplers against k-diffusion.
#include "draftp/sampling/any_sampler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linspace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/golden.h"
#include "draftp/sampling/sampler_conformance.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct AnySamplerTraits {
  static AnySampler Default() { return *AnySampler::Named("dpmpp_2m"); }
  static AnySampler Deterministic() { return Default(); }
  static constexpr int kOrder = 2;
  static constexpr int kEvaluations = 1;
};
INSTANTIATE_TYPED_TEST_SUITE_P(AnySampler, SamplerConformance, AnySamplerTraits);

TEST(AnySamplerTest, EverySamplerAgreesWithKDiffusion) {
  const BimodalDenoiser denoiser{GoldenNumber("/k_diffusion/mean"),
                                 GoldenNumber("/k_diffusion/deviation")};
  const std::vector<GoldenRun> runs = GoldenRuns();
  EXPECT_EQ(runs.size(), 16u);
  for (const GoldenRun& run : runs) {
    ReplayNoise noise(run.noise);
    const at::Tensor actual =
        ResumeTrajectory(run.sigmas, 0, denoiser, *AnySampler::Named(run.sampler, run.options),
                         InferenceOnly(), run.x, noise);
    EXPECT_THAT(actual, IsCloseTo(run.final, 1e-12)) << run.sampler;
    EXPECT_EQ(noise.drawn(), run.noise.size()) << run.sampler;
  }
}

// draftp rounds the squares of its sigmas to float32, which TCD's noise takes differences of.
TEST(AnySamplerTest, SamplersOfFewStepsAgreeWithDiffusers) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  const std::vector<GoldenRun> runs = FewStepRuns();
  EXPECT_EQ(runs.size(), 12u);
  for (const GoldenRun& run : runs) {
    ReplayNoise noise(run.noise);
    const at::Tensor actual =
        ResumeTrajectory(run.sigmas, 0, denoiser, *AnySampler::Named(run.sampler, run.options),
                         InferenceOnly(), run.x, noise);
    EXPECT_THAT(actual, IsCloseTo(run.final, 1e-6)) << run.sampler << " " << run.options.gamma;
    EXPECT_EQ(noise.drawn(), run.noise.size()) << run.sampler;
  }
}

TEST(AnySamplerTest, GoldensCoverEveryName) {
  std::vector<GoldenRun> runs = GoldenRuns();
  for (GoldenRun& run : FewStepRuns()) runs.push_back(std::move(run));
  for (const std::string& name : AnySampler::Names())
    EXPECT_THAT(runs, ::testing::Contains(::testing::Field(&GoldenRun::sampler, name)));
}

TEST(AnySamplerTest, ListsItsNames) {
  EXPECT_THAT(AnySampler::Names(), ElementsAre("euler", "heun", "euler_ancestral", "dpmpp_2s",
                                               "dpmpp_2m", "lms", "lcm", "tcd"));
}

// What a member is listed to take changes its runs, and nothing else does.
TEST(AnySamplerTest, TakesTheOptionsThatItSays) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  const std::vector<double> sigmas = {10.0, 4.0, 2.0, 1.0, 0.5, 0.2, 0.0};
  const at::Tensor x = at::linspace(-9, 12, 4, at::kDouble);
  const auto run = [&](const std::string& name, const SamplerOptions& options) {
    ReplayNoise noise(std::vector<at::Tensor>(6, x.cos()));
    return ResumeTrajectory(sigmas, 0, denoiser, *AnySampler::Named(name, options), InferenceOnly(),
                            x, noise);
  };
  const SamplerOptions churned{.s_churn = 1};
  const std::vector<std::pair<std::string, SamplerOptions>> changes = {
      {"s_churn", {.s_churn = 2}},
      {"s_tmin", {.s_churn = 1, .s_tmin = 3}},
      {"s_tmax", {.s_churn = 1, .s_tmax = 3}},
      {"s_noise", {.s_churn = 1, .s_noise = 0.5}},
      {"eta", {.s_churn = 1, .eta = 0.5}},
      {"order", {.s_churn = 1, .order = 2}},
      {"gamma", {.s_churn = 1, .gamma = 0.5}}};
  for (const std::string& name : AnySampler::Names()) {
    for (const auto& [option, options] : changes) {
      EXPECT_EQ(!at::equal(run(name, churned), run(name, options)),
                AnySampler::Members().Takes(name, option))
          << name << " " << option;
    }
  }
}

TEST(AnySamplerTest, AnUnknownNameIsAnErrorThatListsThem) {
  const absl::Status status = AnySampler::Named("eular").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "sampler: found 'eular', expected one of euler, heun, euler_ancestral, dpmpp_2s, "
            "dpmpp_2m, lms, lcm, tcd");
}

TEST(AnySamplerTest, AnOptionOutOfRangeIsNamed) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(AnySampler::Named("euler", {.s_churn = -1}).status().message(),
              HasSubstr("s_churn: found -1"));
  EXPECT_THAT(AnySampler::Named("euler", {.s_tmin = kNaN}).status().message(),
              HasSubstr("s_tmin: found nan"));
  EXPECT_THAT(AnySampler::Named("euler", {.s_tmax = kNaN}).status().message(),
              HasSubstr("s_tmax: found nan"));
  EXPECT_THAT(AnySampler::Named("euler", {.s_noise = -2}).status().message(),
              HasSubstr("s_noise: found -2"));
  EXPECT_THAT(AnySampler::Named("dpmpp_2s", {.eta = -1}).status().message(),
              HasSubstr("eta: found -1"));
  EXPECT_THAT(AnySampler::Named("lms", {.order = 0}).status().message(),
              HasSubstr("order: found 0"));
  EXPECT_THAT(AnySampler::Named("tcd", {.gamma = 1.5}).status().message(),
              HasSubstr("gamma: found 1.5"));
  EXPECT_TRUE(AnySampler::Named("euler", {.s_tmax = std::numeric_limits<double>::infinity()}).ok());
}

// semantics.md: eta 1, order 4, s_noise 1, s_tmin 0, s_tmax 999, no churn.
TEST(AnySamplerTest, DefaultsAreTheOriginals) {
  const SamplerOptions options;
  EXPECT_EQ(options.s_churn, 0.0);
  EXPECT_EQ(options.s_tmin, 0.0);
  EXPECT_EQ(options.s_tmax, 999.0);
  EXPECT_EQ(options.s_noise, 1.0);
  EXPECT_EQ(options.eta, 1.0);
  EXPECT_EQ(options.order, 4);
  EXPECT_EQ(options.gamma, 0.3);  // diffusers' eta of TCD
}

// Each member's own defaults give the same run as the options' defaults.
TEST(AnySamplerTest, MembersHaveTheSameDefaults) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  const std::vector<double> sigmas = {10.0, 4.0, 2.0, 1.0, 0.5, 0.2, 0.0};
  const at::Tensor x = at::linspace(-9, 12, 4, at::kDouble);
  const auto run = [&](auto sampler) {
    ReplayNoise noise(std::vector<at::Tensor>(6, x.cos()));
    return ResumeTrajectory(sigmas, 0, denoiser, sampler, InferenceOnly(), x, noise);
  };
  EXPECT_THAT(run(*AnySampler::Named("euler")), IsEqualTo(run(EulerEdm())));
  EXPECT_THAT(run(*AnySampler::Named("heun")), IsEqualTo(run(HeunEdm())));
  EXPECT_THAT(run(*AnySampler::Named("euler_ancestral")), IsEqualTo(run(EulerAncestral())));
  EXPECT_THAT(run(*AnySampler::Named("dpmpp_2s")), IsEqualTo(run(Dpmpp2sAncestral())));
  EXPECT_THAT(run(*AnySampler::Named("dpmpp_2m")), IsEqualTo(run(Dpmpp2m())));
  EXPECT_THAT(run(*AnySampler::Named("lms")), IsEqualTo(run(LinearMultistep())));
  EXPECT_THAT(run(*AnySampler::Named("lcm")), IsEqualTo(run(Lcm())));
  EXPECT_THAT(run(*AnySampler::Named("tcd")), IsEqualTo(run(Tcd())));
}

}  // namespace
}  // namespace draftp::testing
