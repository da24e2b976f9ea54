// What an evaluation draws: annealing runs, an adapter each, and what their columns are as points.
#ifndef DRAFTP_EVALUATE_EVALUATION_PLAN_H_
#define DRAFTP_EVALUATE_EVALUATION_PLAN_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/evaluate/evaluate_config.h"

namespace draftp {

// The point that the others are compared with.
inline constexpr char kBasePoint[] = "base";

struct EvaluationColumn {
  std::string weight_type;  // of the run
  std::string name;         // of the point; unique in an evaluation
  std::string family;       // points that differ in one number, or in their weight over the steps
  double parameter;         // that number: a scale, a training step, a mean weight; NaN: none
};

struct EvaluationRun {
  AnnealConfig config;  // complete but for its batch and output folder
  std::string name;     // of its folder below pictures/; empty: that itself
  std::vector<EvaluationColumn> columns;
};

// One run for each adapter (or for the tuned UNet), in which each weight type and each scale is a
// column; the base model is drawn once, by the first. Of a valid config. NotFound names
// --checkpoints where a training run has kept no adapters.
absl::StatusOr<std::vector<EvaluationRun>> PlanEvaluation(const EvaluateConfig& config);

}  // namespace draftp

#endif  // DRAFTP_EVALUATE_EVALUATION_PLAN_H_
