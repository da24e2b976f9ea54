// SamplingConfig: the settings of sampling that every program which samples has, with their rows.
#ifndef DRAFTP_SDXL_SAMPLING_CONFIG_H_
#define DRAFTP_SDXL_SAMPLING_CONFIG_H_

#include <absl/status/status.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "draftp/config/config_table.h"

namespace draftp {

// A member `sampling` of a program's config. docs/configuration.md has every member's meaning.
struct SamplingConfig {
  int64_t height = 0;  // pixels; 0: the model's own
  int64_t width = 0;

  int64_t steps = 25;
  double guidance_scale = 5.0;
  std::string guider = "classifier_free";                // of AnyGuider::Members()
  double guidance_parallel = 0.0;                        // of projected
  double guidance_norm = 15.0;                           // of projected; 0: any
  double guidance_rescale = 0.0;                         // phi in [0, 1]
  std::pair<double, double> guidance_interval = {0, 0};  // sigmas, both within; {0, 0}: all
  std::string sampler = "euler";                         // of AnySampler::Names(), or tcd(gamma)
  std::string discretization = "legacy_ddpm";            // a text of ParseNoiseLevels
  double sigma_min = 0.0292;                             // of a plain "edm"
  double sigma_max = 14.6146;
  double rho = 3.0;
  double s_churn = 0.0;
  double s_tmin = 0.0;
  double s_tmax = 999.0;
  double s_noise = 1.0;
  double eta = 1.0;
  int64_t order = 4;
  double gamma = 0.3;

  // Scales of 0 and 1 are the conditional estimate alone.
  bool guided() const { return guidance_scale != 0.0 && guidance_scale != 1.0; }

  // Text of the noise levels, a plain edm's with its options.
  std::string NoiseLevels() const;

  bool operator==(const SamplingConfig&) const = default;
};

// The original's key of a setting of its sampler.
inline std::string SamplingKey(const std::string& key) { return "model.sampling.base." + key; }

// Rows, for ConfigTable::Append: the picture's size, what most runs set, and the options of single
// samplers and discretisations.
const ConfigTable<SamplingConfig>& PictureSizeRows();
const ConfigTable<SamplingConfig>& SamplingRows();
const ConfigTable<SamplingConfig>& SamplerOptionRows();

// A discretisation or sampler that is typed with its options replaces those that a file gives.
void DropShorthands(const std::set<std::string>& typed, SamplingConfig& config);

// Of a valid config: an edm or tcd with options becomes a plain one, so that settings are the same
// however they were typed.
void FillShorthands(SamplingConfig& config);

// The rules between these rows. InvalidArgument names the flag.
absl::Status CheckSampling(const SamplingConfig& config);

}  // namespace draftp

#endif  // DRAFTP_SDXL_SAMPLING_CONFIG_H_
