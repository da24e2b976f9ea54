// Reads scheduler_config.json: the model's betas and prediction type, and errors for what draftp
// hasn't.
#include "draftp/model/scheduler_config.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/config_checks.h"
#include "draftp/io/json_file.h"

namespace draftp {
namespace {

// How diffusers would place and take its steps, by the keys of its Euler, Heun, DPM++, DDIM, PNDM,
// LMS and UniPC schedulers; draftp's own discretization and sampler decide that.
void IgnoreSamplingKeys(JsonReader& json) {
  json.Ignore({"_class_name",
               "_diffusers_version",
               "_name_or_path",
               "_commit_hash",
               "timestep_spacing",
               "timestep_type",
               "interpolation_type",
               "use_karras_sigmas",
               "use_exponential_sigmas",
               "use_beta_sigmas",
               "sigma_min",
               "sigma_max",
               "final_sigmas_type",
               "skip_prk_steps",
               "set_alpha_to_one",
               "sample_max_value",
               "dynamic_thresholding_ratio",
               "variance_type",
               "algorithm_type",
               "solver_order",
               "solver_type",
               "lower_order_final",
               "euler_at_final",
               "use_lu_lambdas",
               "lambda_min_clipped",
               "predict_x0",
               "solver_p",
               "disable_corrector"});
}

}  // namespace

absl::StatusOr<SchedulerConfig> ParseSchedulerConfig(JsonReader json) {
  IgnoreSamplingKeys(json);
  StringOneOf(json, "beta_schedule", {"scaled_linear"});
  RequireUnset(json, "trained_betas", "draftp computes scaled_linear betas");
  RequireUnset(json, "rescale_betas_zero_snr", "draftp's sigmas are finite");
  RequireUnset(json, "clip_sample", "draftp doesn't clip what the network predicts");
  RequireUnset(json, "thresholding", "draftp doesn't clip what the network predicts");
  RequireUnset(json, "use_flow_sigmas", "SDXL isn't a flow model");
  json.Ignore({"clip_sample_range", "flow_shift"});  // without effect unless one of those is set
  SchedulerConfig config;
  const std::string prediction =
      StringOneOf(json, "prediction_type", {"epsilon", "v_prediction"}, "epsilon");
  config.prediction_type =
      prediction == "v_prediction" ? PredictionType::kVPrediction : PredictionType::kEpsilon;
  config.beta_start = json.Double("beta_start");
  config.beta_end = json.Double("beta_end");
  if (!(0 < config.beta_start && config.beta_start < config.beta_end && config.beta_end < 1)) {
    json.Fail("beta_start",
              absl::StrCat("found ", config.beta_start, " with beta_end ", config.beta_end,
                           ", expected 0 < beta_start < beta_end < 1"));
  }
  config.num_train_timesteps = json.IntBetween("num_train_timesteps", 2, 1'000'000, 1000);
  config.steps_offset = json.IntBetween("steps_offset", 0, 1'000'000, 0);
  if (const absl::Status status = Finish(json); !status.ok()) return status;
  return config;
}

absl::StatusOr<SchedulerConfig> ReadSchedulerConfig(const std::string& path) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(path);
  if (!json.ok()) return json.status();
  return ParseSchedulerConfig(*std::move(json));
}

}  // namespace draftp
