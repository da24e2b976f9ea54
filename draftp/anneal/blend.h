// A column of an annealing run's pictures: how what was fine-tuned is weighed over the steps.
#ifndef DRAFTP_ANNEAL_BLEND_H_
#define DRAFTP_ANNEAL_BLEND_H_

#include <string>
#include <utility>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/schedule/parse_weighing.h"
#include "draftp/sdxl/tuned_model.h"

namespace draftp {

struct Blend {
  std::string text;                  // names its folder
  std::vector<AnyWeighing> weights;  // of each tuned model; kCarried: of each adapter
  AdapterUse use = AdapterUse::kApart;

  Blend(std::string name, std::vector<AnyWeighing> all, AdapterUse adapters)
      : text(std::move(name)), weights(std::move(all)), use(adapters) {}
  Blend(const WeightType& type) : text(type.text), weights({type.weighing}) {}  // NOLINT

  // Models that a step evaluates.
  int Evaluations(const StepContext& step) const;
};

// The columns that a valid config asks for: its weight types, or the one that its adapters' own
// weights make, "linear,0.7" of predictions and "weights(linear,0.7)" of weights.
std::vector<Blend> BlendsOf(const AnnealConfig& config);

// Adapters to load for them.
std::vector<ScaledAdapter> AdaptersOf(const AnnealConfig& config);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_BLEND_H_
