// What a model's scheduler_config.json makes of a run's sampling settings.
#include "draftp/sdxl/sampling_setup.h"

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

TEST(SamplingSetupTest, ChoosesAModelsSizeThatIsNoSquare) {
  const auto size = ChooseSize({.width = 64}, {128, 256}, 8);
  EXPECT_EQ(size->height, 128);
  EXPECT_EQ(size->width, 64);
  EXPECT_EQ(ChooseSize({}, {128, 256}, 8)->width, 256);
}

}  // namespace
}  // namespace draftp
