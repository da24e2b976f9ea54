// Tests of the sampling settings, as anneal's flags.
#include "draftp/sdxl/sampling_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "draftp/anneal/anneal_config.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<LoadedConfig<AnnealConfig>> LoadFlags(const std::vector<std::string>& flags) {
  return LoadAnnealConfig(flags, "/home/me");
}

std::string FlagError(const std::vector<std::string>& flags) {
  return std::string(LoadFlags(flags).status().message());
}

TEST(SamplingConfigTest, StepsDependOnTheDiscretization) {
  EXPECT_TRUE(LoadFlags({"--steps=1000"}).ok());
  EXPECT_TRUE(LoadFlags({"--steps=1001", "--discretization=edm"}).ok());
  EXPECT_TRUE(LoadFlags({"--steps=1000", "--discretization=trailing"}).ok());
  EXPECT_EQ(FlagError({"--steps=1000", "--discretization=leading(1)"}),
            "--steps: found 1000, expected at most 999 with --discretization leading(1)");
  // The checkpoint's offset decides (sampling_setup_test).
  EXPECT_TRUE(LoadFlags({"--steps=1000", "--discretization=leading"}).ok());
  EXPECT_THAT(FlagError({"--discretization=edm", "--sigma_min=14.5"}),
              HasSubstr("--sigma_min: found 14.5, expected at most --sigma_max 14.6146"));
  EXPECT_TRUE(LoadFlags({"--discretization=edm", "--sigma_min=14.4"}).ok());
  EXPECT_TRUE(LoadFlags({"--sigma_min=20"}).ok());
}

TEST(SamplingConfigTest, StepsOfEachDiscretizationStandInTheHelp) {
  const auto& fields = AnnealTable().schema().fields;
  const auto steps = std::ranges::find(fields, "steps", &ConfigField::key);
  ASSERT_NE(steps, fields.end());
  EXPECT_THAT(steps->help, HasSubstr("at most 1000; edm: 10000; lcm: 50"));
}

TEST(SamplingConfigTest, AGuiderIsNamedAndItsOptionsAreIts) {
  const auto loaded = LoadFlags({"--guider=projected", "--guidance_norm=2.5"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.sampling.guider, "projected");
  EXPECT_TRUE(AnnealTable().HasEffect("guidance_norm", loaded->config));
  EXPECT_FALSE(AnnealTable().HasEffect("guidance_norm", AnnealConfig{}));
  EXPECT_EQ(FlagError({"--guider=cfg"}),
            "--guider: found \"cfg\", expected classifier_free, projected");
}

TEST(SamplingConfigTest, DiscretizationsTakeTheirOptionsInTheText) {
  const auto loaded = LoadFlags({"--discretization=edm(0.03, 14.6,3)", "--steps=1001"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.sampling.NoiseLevels(), "edm(0.03,14.6,3)");
  EXPECT_EQ(loaded->config, LoadFlags({"--discretization=edm", "--sigma_min=0.03",
                                       "--sigma_max=14.6", "--steps=1001"})
                                ->config);
  EXPECT_TRUE(LoadFlags({"--discretization=leading(0)", "--steps=1000"}).ok());
  EXPECT_EQ(FlagError({"--discretization=edm(0.03,14.6,3)", "--rho=7"}),
            "--rho: found it beside --discretization edm(0.03,14.6,3), expected one of the two");
  EXPECT_EQ(FlagError({"--discretization=edm(3,2,1)"}),
            "--discretization: found \"edm(3,2,1)\", expected legacy_ddpm, edm[(smin,smax,rho)], "
            "trailing, leading[(steps_offset)], lcm[(original_steps)]");
}

TEST(SamplingConfigTest, TcdTakesItsGammaInTheText) {
  const auto loaded = LoadFlags({"--sampler=tcd(0.5)", "--discretization=lcm", "--steps=4"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.sampling.sampler, "tcd");
  EXPECT_EQ(loaded->config.sampling.gamma, 0.5);
  EXPECT_EQ(FlagError({"--sampler=tcd(0.5)", "--gamma=0.2"}),
            "--gamma: found it beside --sampler tcd(0.5), expected one of the two");
  for (const char* bad : {"tcd(1.5)", "tcd()", "tcd(0.1,0.2)", "lcm(0.5)"})
    EXPECT_THAT(FlagError({std::string("--sampler=") + bad}), HasSubstr("--sampler: found")) << bad;
}

TEST(SamplingConfigTest, GuidanceHasAnIntervalAndARescaling) {
  const auto loaded = LoadFlags({"--guidance_interval=0.3,5", "--guidance_rescale=0.7"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.sampling.guidance_interval, std::pair(0.3, 5.0));
  EXPECT_EQ(loaded->config.sampling.guidance_rescale, 0.7);
  EXPECT_EQ(FlagError({"--guidance_interval=5,0.3"}),
            "--guidance_interval: found 5,0.3, expected two sigmas, the lower first");
  EXPECT_THAT(FlagError({"--guidance_rescale=1.5"}), HasSubstr("--guidance_rescale: found"));
}

}  // namespace
}  // namespace draftp
