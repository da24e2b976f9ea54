// What a model's scheduler_config.json makes of a run's sampling settings.
#include "draftp/sdxl/sampling_setup.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <vector>

namespace draftp {
namespace {

constexpr SchedulerConfig kScheduler = {.prediction_type = PredictionType::kEpsilon,
                                        .beta_start = 0.00085,
                                        .beta_end = 0.012,
                                        .num_train_timesteps = 1000,
                                        .steps_offset = 1};

TEST(SamplingSetupTest, RescalesBetasWhereTheFileSaysSo) {
  SchedulerConfig scheduler = kScheduler;
  scheduler.rescale_betas_zero_snr = true;
  SamplingConfig config{.steps = 4, .discretization = "trailing"};
  EXPECT_NEAR(MakeNoiseSchedule(config, scheduler)->sigmas[0], 4096, 1e-3);
  EXPECT_NEAR(MakeNoiseSchedule(config, kScheduler)->sigmas[0], 14.6146, 1e-4);
}

TEST(SamplingSetupTest, NamesTheFlagWhereTheFileSaysTrailing) {
  SchedulerConfig scheduler = kScheduler;
  scheduler.says_trailing = true;
  SamplingConfig config;
  EXPECT_EQ(SpacingNotice(config, scheduler),
            "scheduler_config.json says timestep_spacing trailing, --discretization legacy_ddpm "
            "decides; --discretization trailing does as it says");
  config.discretization = "trailing";
  EXPECT_EQ(SpacingNotice(config, scheduler), "");
  EXPECT_EQ(SpacingNotice({}, kScheduler), "");
}

TEST(SamplingSetupTest, GivesLcmItsTimesByAnExplicitDiscretization) {
  SamplingConfig config{.steps = 4, .sampler = "lcm", .discretization = "lcm"};
  const auto schedule = MakeNoiseSchedule(config, kScheduler);
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  const std::vector<int> times = {999, 759, 499, 259};
  EXPECT_EQ(schedule->sigmas, schedule->table.SigmasAt(times));
  EXPECT_TRUE(MakeSampler(config)->draws_noise());
}

TEST(SamplingSetupTest, TheFilesOffsetSaysHowManyStepsLeadingAllows) {
  SchedulerConfig scheduler = kScheduler;
  const SamplingConfig config{.steps = 1000, .discretization = "leading"};
  EXPECT_EQ(MakeNoiseSchedule(config, scheduler).status().message(),
            "--steps: found 1000, expected 1 to 999 for --discretization leading(1)");
  scheduler.steps_offset = 0;
  EXPECT_TRUE(MakeNoiseSchedule(config, scheduler).ok());
}

TEST(SamplingSetupTest, TheGuiderOfTheNameGetsItsOptions) {
  const SamplingConfig config{
      .guidance_scale = 3, .guider = "projected", .guidance_parallel = 0.25, .guidance_norm = 2};
  const at::Tensor x = at::linspace(-1, 2, 6, at::kDouble).view({2, 1, 1, 3});
  const std::vector<at::Tensor> both = {x, x.cos() * 2};
  EXPECT_TRUE(at::equal(MakeGuider(config)->Combine({}, both),
                        ProjectedGuider(3, 0.25, 2).Combine({}, both)));
}

TEST(SamplingSetupTest, ChoosesAModelsSizeThatIsNoSquare) {
  const auto size = ChooseSize({.width = 64}, {128, 256}, 8);
  EXPECT_EQ(size->height, 128);
  EXPECT_EQ(size->width, 64);
  EXPECT_EQ(ChooseSize({}, {128, 256}, 8)->width, 256);
}

}  // namespace
}  // namespace draftp
