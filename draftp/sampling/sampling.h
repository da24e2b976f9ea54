// The sampling loop and all that fits into it in one include, for programs; libraries include what
// they use. Members by name (any_sampler.h, any_guider.h, any_noise.h) stand apart: they need
// Abseil.
#ifndef DRAFTP_SAMPLING_SAMPLING_H_
#define DRAFTP_SAMPLING_SAMPLING_H_

#include "draftp/sampling/blend_denoiser.h"      // IWYU pragma: export
#include "draftp/sampling/blending.h"            // IWYU pragma: export
#include "draftp/sampling/blendings.h"           // IWYU pragma: export
#include "draftp/sampling/denoiser.h"            // IWYU pragma: export
#include "draftp/sampling/dpmpp_2m.h"            // IWYU pragma: export
#include "draftp/sampling/dpmpp_2s_ancestral.h"  // IWYU pragma: export
#include "draftp/sampling/equally_spaced.h"      // IWYU pragma: export
#include "draftp/sampling/euler_ancestral.h"     // IWYU pragma: export
#include "draftp/sampling/euler_edm.h"           // IWYU pragma: export
#include "draftp/sampling/few_step.h"            // IWYU pragma: export
#include "draftp/sampling/frequency_bands.h"     // IWYU pragma: export
#include "draftp/sampling/gradient_window.h"     // IWYU pragma: export
#include "draftp/sampling/guider.h"              // IWYU pragma: export
#include "draftp/sampling/guiders.h"             // IWYU pragma: export
#include "draftp/sampling/heun_edm.h"            // IWYU pragma: export
#include "draftp/sampling/image_index.h"         // IWYU pragma: export
#include "draftp/sampling/linear_multistep.h"    // IWYU pragma: export
#include "draftp/sampling/mixture_denoiser.h"    // IWYU pragma: export
#include "draftp/sampling/model_outputs.h"       // IWYU pragma: export
#include "draftp/sampling/noise_predictor.h"     // IWYU pragma: export
#include "draftp/sampling/noise_process.h"       // IWYU pragma: export
#include "draftp/sampling/noise_source.h"        // IWYU pragma: export
#include "draftp/sampling/original_noise.h"      // IWYU pragma: export
#include "draftp/sampling/parse_blending.h"      // IWYU pragma: export
#include "draftp/sampling/per_image_noise.h"     // IWYU pragma: export
#include "draftp/sampling/piece_policy.h"        // IWYU pragma: export
#include "draftp/sampling/preconditioning.h"     // IWYU pragma: export
#include "draftp/sampling/predict_at.h"          // IWYU pragma: export
#include "draftp/sampling/recompute.h"           // IWYU pragma: export
#include "draftp/sampling/sampler.h"             // IWYU pragma: export
#include "draftp/sampling/split_blendings.h"     // IWYU pragma: export
#include "draftp/sampling/tap.h"                 // IWYU pragma: export
#include "draftp/sampling/trajectory.h"          // IWYU pragma: export

#endif  // DRAFTP_SAMPLING_SAMPLING_H_
