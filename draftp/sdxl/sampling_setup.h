// From a program's sampling settings to the parts of a run: sampler, guider, noise levels, size.
#ifndef DRAFTP_SDXL_SAMPLING_SETUP_H_
#define DRAFTP_SDXL_SAMPLING_SETUP_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

#include "draftp/model/conditioning.h"
#include "draftp/model/scheduler_config.h"
#include "draftp/sampling/any_guider.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/sdxl/sampling_config.h"

namespace draftp {

// Errors of all of these are InvalidArgument and name the flag, or scheduler_config.json.
absl::StatusOr<AnySampler> MakeSampler(const SamplingConfig& config);
absl::StatusOr<AnyGuider> MakeGuider(const SamplingConfig& config);

// The noise levels of a run of config.steps over a checkpoint's betas.
absl::StatusOr<NoiseSchedule> MakeNoiseSchedule(const SamplingConfig& config,
                                                const SchedulerConfig& scheduler);

// Names the flag where the model asks for diffusers' spacing "trailing" and gets another; else "".
std::string SpacingNotice(const SamplingConfig& config, const SchedulerConfig& scheduler);

// Pixels of the pictures: the config's, or `default_size`'s. The error names the flag of a
// side that isn't a multiple of `factor`, the decoder's.
absl::StatusOr<ImageSize> ChooseSize(const SamplingConfig& config, ImageSize default_size,
                                     int64_t factor);

}  // namespace draftp

#endif  // DRAFTP_SDXL_SAMPLING_SETUP_H_
