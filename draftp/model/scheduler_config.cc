// Reads scheduler_config.json: the model's betas and prediction type, and errors for what draftp
// hasn't.
#include "draftp/model/scheduler_config.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/config_checks.h"
#include "draftp/io/json_file.h"
#include "draftp/io/printable.h"

namespace draftp {
namespace {

// How diffusers would place and take its steps; draftp's own discretization and sampler decide
// that.
void IgnoreSamplingKeys(JsonReader& json) {
  json.Ignore({"_diffusers_version", "_name_or_path", "_commit_hash", "_use_default_values"});
  json.Ignore({"interpolation_type", "use_karras_sigmas", "use_exponential_sigmas",
               "use_beta_sigmas", "use_lu_lambdas", "sigma_min", "sigma_max", "final_sigmas_type",
               "skip_prk_steps", "set_alpha_to_one", "variance_type", "noise_sampler_seed",
               "tensor_format"});
  json.Ignore({"algorithm_type", "solver_order", "solver_type", "solver_p", "predictor_order",
               "corrector_order", "disable_corrector", "tau_func", "predict_x0",
               "lower_order_final", "euler_at_final", "lambda_min_clipped",
               "original_inference_steps", "timestep_scaling"});
  // Without effect unless one of those that RequireModelOfNoise refuses is set.
  json.Ignore({"clip_sample_range", "sample_max_value", "dynamic_thresholding_ratio", "flow_shift",
               "time_shift_type"});
}

// Errors for networks that aren't trained on a table of noise levels, and for outputs that are cut.
void RequireModelOfNoise(JsonReader& json) {
  constexpr const char* kFlow = "SDXL isn't a flow model";
  constexpr const char* kEdm = "draftp hasn't the preconditioning of EDM";
  constexpr const char* kClips = "draftp doesn't clip what the network predicts";
  const std::string name = json.String("_class_name", "");
  for (const auto& [part, why] :
       {std::pair("FlowM", kFlow), std::pair("EDM", kEdm), std::pair("CosineDPM", kEdm)}) {
    if (name.find(part) == std::string::npos) continue;
    json.Fail("_class_name", absl::StrCat("found ", Quoted(name), ", not supported: ", why));
  }
  for (const char* key : {"use_flow_sigmas", "use_dynamic_shifting", "shift_terminal", "shift"})
    RequireUnset(json, key, kFlow);
  for (const char* key : {"sigma_data", "sigma_schedule", "rho"}) RequireUnset(json, key, kEdm);
  StringOneOf(json, "timestep_type", {"discrete"}, "discrete");  // continuous: as EDM's
  for (const char* key : {"clip_sample", "thresholding"}) RequireUnset(json, key, kClips);
}

// False too where the key is null.
bool Flag(JsonReader& json, const std::string& key) {
  const nlohmann::json* const value = json.Find(key);
  return value != nullptr && !value->is_null() && json.Bool(key);
}

PredictionType ReadPredictionType(JsonReader& json) {
  if (!json.Bool("predict_epsilon", true)) {  // the key of diffusers before 0.10
    json.Fail("predict_epsilon", "found false, supported: true");
  }
  const std::string prediction =
      StringOneOf(json, "prediction_type", {"epsilon", "v_prediction"}, "epsilon");
  return prediction == "v_prediction" ? PredictionType::kVPrediction : PredictionType::kEpsilon;
}

}  // namespace

absl::StatusOr<SchedulerConfig> ParseSchedulerConfig(JsonReader json) {
  IgnoreSamplingKeys(json);
  RequireModelOfNoise(json);
  StringOneOf(json, "beta_schedule", {"scaled_linear"});
  RequireUnset(json, "trained_betas", "draftp computes scaled_linear betas");
  SchedulerConfig config;
  config.prediction_type = ReadPredictionType(json);
  config.beta_start = json.Double("beta_start");
  config.beta_end = json.Double("beta_end");
  if (!(0 < config.beta_start && config.beta_start < config.beta_end && config.beta_end < 1)) {
    json.Fail("beta_start",
              absl::StrCat("found ", config.beta_start, " with beta_end ", config.beta_end,
                           ", expected 0 < beta_start < beta_end < 1"));
  }
  config.num_train_timesteps = json.IntBetween("num_train_timesteps", 2, 1'000'000, 1000);
  config.steps_offset = json.IntBetween("steps_offset", 0, 1'000'000, 0);
  config.rescale_betas_zero_snr = Flag(json, "rescale_betas_zero_snr");
  config.says_trailing = json.OptionalString("timestep_spacing") == "trailing";
  if (const absl::Status status = Finish(json); !status.ok()) return status;
  return config;
}

absl::StatusOr<SchedulerConfig> ReadSchedulerConfig(const std::string& path) {
  absl::StatusOr<JsonReader> json = JsonReader::Open(path);
  if (!json.ok()) return json.status();
  return ParseSchedulerConfig(*std::move(json));
}

}  // namespace draftp
