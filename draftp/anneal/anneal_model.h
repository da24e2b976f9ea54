// What an annealing run draws with: the models that its settings name, ready for calls without
// gradient, with the noise levels and the size that depend on them.
#ifndef DRAFTP_ANNEAL_ANNEAL_MODEL_H_
#define DRAFTP_ANNEAL_ANNEAL_MODEL_H_

#include <absl/status/statusor.h>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/anneal_memory.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/run/compute_device.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/sdxl/sdxl_model.h"

namespace draftp {

struct AnnealModel {
  SdxlModel sdxl;
  NoiseSchedule schedule;
  ImageSize size;
  MemoryChoice memory = {};

  // `config`: a resolved bundle, `plan` made of it. Errors name the file, or the flag that doesn't
  // fit the model; ResourceExhausted where a GPU can't hold the weights.
  static absl::StatusOr<AnnealModel> Load(const AnnealConfig& config, const AnnealPlan& plan,
                                          const ComputeDevice& device);
};

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_MODEL_H_
