// DRaFT+ without a model in one include, for programs; libraries include what they use. Objectives
// by name (any_objective.h) and recording in CUDA graphs (graph_recorder.h) stand apart: they need
// Abseil.
#ifndef DRAFTP_OBJECTIVE_OBJECTIVES_H_
#define DRAFTP_OBJECTIVE_OBJECTIVES_H_

#include "draftp/objective/align_prop.h"        // IWYU pragma: export
#include "draftp/objective/decoder.h"           // IWYU pragma: export
#include "draftp/objective/draft_k.h"           // IWYU pragma: export
#include "draftp/objective/draft_loss.h"        // IWYU pragma: export
#include "draftp/objective/draft_lv.h"          // IWYU pragma: export
#include "draftp/objective/drtune.h"            // IWYU pragma: export
#include "draftp/objective/gaussian_kl.h"       // IWYU pragma: export
#include "draftp/objective/gradient_sink.h"     // IWYU pragma: export
#include "draftp/objective/kl_weight.h"         // IWYU pragma: export
#include "draftp/objective/objective.h"         // IWYU pragma: export
#include "draftp/objective/phase_clock.h"       // IWYU pragma: export
#include "draftp/objective/refl.h"              // IWYU pragma: export
#include "draftp/objective/reward.h"            // IWYU pragma: export
#include "draftp/objective/rollout.h"           // IWYU pragma: export
#include "draftp/objective/scored_reward.h"     // IWYU pragma: export
#include "draftp/objective/train_step.h"        // IWYU pragma: export
#include "draftp/objective/without_adapters.h"  // IWYU pragma: export

#endif  // DRAFTP_OBJECTIVE_OBJECTIVES_H_
