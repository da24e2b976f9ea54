// A column of an annealing run's pictures: a way to blend, and the adapters that the columns need.
#ifndef DRAFTP_ANNEAL_BLEND_H_
#define DRAFTP_ANNEAL_BLEND_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "draftp/adapter/scaled_adapter.h"
#include "draftp/anneal/anneal_config.h"
#include "draftp/sampling/blending.h"
#include "draftp/schedule/step_context.h"
#include "draftp/sdxl/tuned_model.h"

namespace draftp {

struct Blend {
  std::string text;  // names its folder
  AnyBlending blending;

  // Models that a step evaluates.
  int Evaluations(const StepContext& step) const {
    return static_cast<int>(blending.At(step).parts.size());
  }
};

// The columns that a valid config asks for: its weight types, or the one that its adapters' own
// weights make, "linear,0.7" of predictions and "weights(linear,0.7)" of weights.
std::vector<Blend> BlendsOf(const AnnealConfig& config);

// The columns of weight types from an earlier run of the same settings; the error if one means
// nothing.
absl::StatusOr<std::vector<Blend>> BlendsNamed(const std::vector<std::string>& texts,
                                               const AnnealConfig& config);

// What its columns need the adapters as.
AdapterUse AdapterUseOf(const AnnealConfig& config);

// Adapters to load for them.
std::vector<ScaledAdapter> AdaptersOf(const AnnealConfig& config);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_BLEND_H_
