#include "draftp/model/scheduler_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using ::testing::AllOf;
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

// What save_config of every class that samples SDXL writes (diffusers 0.39 to 0.42, and older ones
// that wrote tensor_format and predict_epsilon): its keys but those of all of them.
TEST(SchedulerConfigTest, ReadsEverySamplersConfig) {
  const std::pair<std::string, Json> classes[] = {
      {"EulerDiscreteScheduler",
       {{"interpolation_type", "linear"},
        {"use_karras_sigmas", false},
        {"sigma_min", nullptr},
        {"sigma_max", nullptr},
        {"timestep_type", "discrete"},
        {"final_sigmas_type", "zero"},
        {"use_exponential_sigmas", false},
        {"use_beta_sigmas", false}}},
      {"EulerAncestralDiscreteScheduler", {{"timestep_spacing", "leading"}}},
      {"HeunDiscreteScheduler", {{"clip_sample", false}, {"clip_sample_range", 1.0}}},
      {"LMSDiscreteScheduler", {{"use_karras_sigmas", true}}},
      {"PNDMScheduler", {{"skip_prk_steps", true}, {"set_alpha_to_one", false}}},
      {"KDPM2AncestralDiscreteScheduler", Json::object()},
      {"DPMSolverSDEScheduler", {{"noise_sampler_seed", nullptr}}},
      {"DDIMScheduler",
       {{"clip_sample", false},
        {"thresholding", false},
        {"dynamic_thresholding_ratio", 0.995},
        {"sample_max_value", 1.0},
        {"set_alpha_to_one", false},
        {"tensor_format", "pt"}}},
      {"DDPMScheduler", {{"variance_type", "fixed_small"}, {"predict_epsilon", true}}},
      {"DPMSolverMultistepScheduler",
       {{"algorithm_type", "dpmsolver++"},
        {"solver_order", 2},
        {"solver_type", "midpoint"},
        {"lower_order_final", true},
        {"euler_at_final", false},
        {"use_lu_lambdas", false},
        {"use_flow_sigmas", false},
        {"flow_shift", 1.0},
        {"use_dynamic_shifting", false},
        {"time_shift_type", "exponential"},
        {"variance_type", nullptr}}},
      {"UniPCMultistepScheduler",
       {{"predict_x0", true},
        {"disable_corrector", Json::array()},
        {"solver_p", nullptr},
        {"shift_terminal", nullptr},
        {"solver_type", "bh2"}}},
      {"SASolverScheduler",
       {{"predictor_order", 2}, {"corrector_order", 2}, {"tau_func", nullptr}}},
      {"LCMScheduler", {{"original_inference_steps", 50}, {"timestep_scaling", 10.0}}},
      {"TCDScheduler", {{"original_inference_steps", 50}, {"timestep_scaling", 10.0}}}};
  for (const auto& [name, keys] : classes) {
    Json json = keys;
    json.update({{"_class_name", name},
                 {"_diffusers_version", "0.39.0"},
                 {"trained_betas", nullptr},
                 {"num_train_timesteps", 1000},
                 {"steps_offset", 1},
                 {"_use_default_values", {"a"}}});
    const auto config = ParseScheduler(json);
    ASSERT_TRUE(config.ok()) << name << ": " << config.status();
    EXPECT_EQ(config->steps_offset, 1);
  }
}

TEST(SchedulerConfigTest, ReadsPythonsInfinity) {
  const std::string path = ::testing::TempDir() + "infinite_scheduler_config.json";
  std::ofstream(path) << R"({"beta_schedule": "scaled_linear", "beta_start": 0.00085,
      "beta_end": 0.012, "lambda_min_clipped": -Infinity, "sample_max_value": NaN})";
  EXPECT_TRUE(ReadSchedulerConfig(path).ok()) << ReadSchedulerConfig(path).status();
}

TEST(SchedulerConfigTest, ReadsZeroTerminalSnr) {
  EXPECT_TRUE(ParseScheduler({{"rescale_betas_zero_snr", true}})->rescale_betas_zero_snr);
  for (const Json& off : {Json(false), Json(nullptr)})
    EXPECT_FALSE(ParseScheduler({{"rescale_betas_zero_snr", off}})->rescale_betas_zero_snr);
}

TEST(SchedulerConfigTest, TellsThatTheFileSaysTrailing) {
  EXPECT_TRUE(ParseScheduler({{"timestep_spacing", "trailing"}})->says_trailing);
  EXPECT_FALSE(ParseScheduler({{"timestep_spacing", "leading"}})->says_trailing);
  EXPECT_FALSE(ParseScheduler(Json::object())->says_trailing);
}

TEST(SchedulerConfigTest, RejectsOtherNoise) {
  EXPECT_EQ(
      SchedulerError({{"beta_schedule", "linear"}}),
      R"(scheduler_config.json: key "beta_schedule": found "linear", supported: scaled_linear)");
  EXPECT_THAT(SchedulerError({{"trained_betas", {0.1, 0.2}}}), HasSubstr("trained_betas"));
  EXPECT_THAT(SchedulerError({{"prediction_type", "sample"}}), HasSubstr("epsilon, v_prediction"));
  EXPECT_THAT(SchedulerError({{"predict_epsilon", false}}), HasSubstr("\"predict_epsilon\""));
}

TEST(SchedulerConfigTest, NamesWhatTheNetworkCannotBeUsedFor) {
  for (const char* key : {"use_flow_sigmas", "use_dynamic_shifting"})
    EXPECT_THAT(SchedulerError({{key, true}}), AllOf(HasSubstr(key), HasSubstr("flow model")));
  for (const char* key : {"clip_sample", "thresholding"})
    EXPECT_THAT(SchedulerError({{key, true}}), AllOf(HasSubstr(key), HasSubstr("doesn't clip")));
  EXPECT_THAT(SchedulerError({{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"shift", 3.0}}),
              AllOf(HasSubstr("_class_name"), HasSubstr("FlowMatch"), HasSubstr("flow model")));
  for (const char* name : {"EDMEulerScheduler", "EDMDPMSolverMultistepScheduler"})
    EXPECT_THAT(SchedulerError({{"_class_name", name}, {"sigma_data", 0.5}}),
                AllOf(HasSubstr("_class_name"), HasSubstr(name), HasSubstr("EDM")));
  EXPECT_THAT(SchedulerError({{"sigma_data", 0.5}}), HasSubstr("\"sigma_data\""));
  EXPECT_THAT(SchedulerError({{"timestep_type", "continuous"}}), HasSubstr("timestep_type"));
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
