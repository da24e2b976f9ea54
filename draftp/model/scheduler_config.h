// Reads what a model's scheduler_config.json says about the model: its betas and what it predicts.
#ifndef DRAFTP_MODEL_SCHEDULER_CONFIG_H_
#define DRAFTP_MODEL_SCHEDULER_CONFIG_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "draftp/io/json_file.h"

namespace draftp {

enum class PredictionType : uint8_t { kEpsilon, kVPrediction };

struct SchedulerConfig {
  PredictionType prediction_type;  // epsilon if the file is silent
  double beta_start;               // of the scaled-linear betas, 0 < beta_start < beta_end < 1
  double beta_end;
  int64_t num_train_timesteps;  // 1000 if the file is silent
  int64_t steps_offset = 0;     // of the spacing "leading"; 0 if the file is silent
  bool rescale_betas_zero_snr = false;
  bool says_trailing = false;  // timestep_spacing, of which draftp's discretization decides
};

// What every scheduler of diffusers that samples SDXL writes. The class, and keys that say how it
// would sample (timestep_spacing, use_karras_sigmas, solver_order, ...), have no effect, but for
// steps_offset: draftp's own discretization and sampler decide. Errors name file, key, value and
// what is supported: betas other than scaled_linear, trained_betas, other prediction types, what
// clips the network's output, flow matching, EDM's preconditioning, unknown keys.
absl::StatusOr<SchedulerConfig> ParseSchedulerConfig(JsonReader json);

// ParseSchedulerConfig of a file, in which Python may have written -Infinity.
absl::StatusOr<SchedulerConfig> ReadSchedulerConfig(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_MODEL_SCHEDULER_CONFIG_H_
