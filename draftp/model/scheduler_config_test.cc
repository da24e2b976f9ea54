#include "draftp/model/scheduler_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

absl::StatusOr<SchedulerConfig> ParseScheduler(const Json& changes) {
  Json json = {{"beta_schedule", "scaled_linear"}, {"beta_start", 0.00085}, {"beta_end", 0.012}};
  json.update(changes);
  return ParseSchedulerConfig(JsonReader("scheduler_config.json", json));
}

std::string SchedulerError(const Json& changes) {
  return std::string(ParseScheduler(changes).status().message());
}

TEST(SchedulerConfigTest, ReadsTheEmbeddedModels) {
  const auto config = ReadSchedulerConfig("testdata/tiny_sdxl/scheduler/scheduler_config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->prediction_type, PredictionType::kEpsilon);
  EXPECT_EQ(config->beta_start, 0.00085);
  EXPECT_EQ(config->beta_end, 0.012);
  EXPECT_EQ(config->num_train_timesteps, 1000);
  EXPECT_EQ(config->steps_offset, 1);
}

TEST(SchedulerConfigTest, StepsOffsetIsZeroUnlessGiven) {
  EXPECT_EQ(ParseScheduler(Json::object())->steps_offset, 0);
  EXPECT_EQ(ParseScheduler({{"steps_offset", 1}})->steps_offset, 1);
  EXPECT_THAT(SchedulerError({{"steps_offset", -1}}), HasSubstr("steps_offset"));
}

TEST(SchedulerConfigTest, ReadsVPrediction) {
  EXPECT_EQ(ParseScheduler({{"prediction_type", "v_prediction"}})->prediction_type,
            PredictionType::kVPrediction);
}

TEST(SchedulerConfigTest, KeysOfDiffusersSamplingHaveNoEffect) {
  EXPECT_TRUE(ParseScheduler({{"timestep_spacing", "trailing"}, {"use_karras_sigmas", true}}).ok());
  EXPECT_TRUE(
      ParseScheduler(
          {{"trained_betas", nullptr}, {"rescale_betas_zero_snr", false}, {"clip_sample", false}})
          .ok());
}

TEST(SchedulerConfigTest, RejectsOtherNoise) {
  EXPECT_EQ(
      SchedulerError({{"beta_schedule", "linear"}}),
      R"(scheduler_config.json: key "beta_schedule": found "linear", supported: scaled_linear)");
  EXPECT_THAT(SchedulerError({{"trained_betas", {0.1, 0.2}}}), HasSubstr("trained_betas"));
  EXPECT_THAT(SchedulerError({{"rescale_betas_zero_snr", true}}),
              HasSubstr("rescale_betas_zero_snr"));
  EXPECT_THAT(SchedulerError({{"prediction_type", "sample"}}), HasSubstr("epsilon, v_prediction"));
  EXPECT_THAT(SchedulerError({{"use_flow_sigmas", true}}), HasSubstr("use_flow_sigmas"));
  EXPECT_THAT(SchedulerError({{"thresholding", true}}), HasSubstr("thresholding"));
}

TEST(SchedulerConfigTest, RejectsMissingAndUnknownKeys) {
  EXPECT_THAT(SchedulerError({{"beta_max", 1.0}}), HasSubstr("\"beta_max\": unknown"));
  EXPECT_THAT(SchedulerError({{"beta_start", 0.02}}), HasSubstr("beta_start < beta_end"));
  const auto empty = ParseSchedulerConfig(JsonReader("s.json", Json::object()));
  EXPECT_THAT(std::string(empty.status().message()), HasSubstr("beta_schedule"));
}

TEST(SchedulerConfigTest, SurvivesDamagedFiles) {
  const auto tally = testing::ExpectCopySurvivesDamage(
      "testdata/tiny_sdxl/scheduler/scheduler_config.json", {},
      [](const std::string& path) { return ReadSchedulerConfig(path).status(); });
  EXPECT_GT(tally.errors, 200u);
  EXPECT_LE(tally.legal_truncated, 1u);  // without its last line's end
}

}  // namespace
}  // namespace draftp
