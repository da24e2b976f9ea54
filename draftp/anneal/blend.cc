#include "draftp/anneal/blend.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "draftp/anneal/lora_argument.h"
#include "draftp/sampling/mixture_denoiser.h"

namespace draftp {
namespace {

// What each adapter has on its own.
struct OwnWeights {
  std::string text;
  std::vector<AnyWeighing> weights;
};

OwnWeights OwnWeightsOf(const std::vector<LoraArgument>& loras) {
  OwnWeights own;
  for (const LoraArgument& lora : loras) {
    const std::string weight = lora.weight.empty() ? "draft" : lora.weight;
    absl::StrAppend(&own.text, own.text.empty() ? "" : ",", weight);
    own.weights.push_back(ParseWeighing(weight).value());
  }
  return own;
}

AdapterUse UseOf(const AnnealConfig& config, const OwnWeights& own) {
  if (config.blend == kBlendPrediction) return AdapterUse::kApart;
  return std::ranges::all_of(own.weights, &AnyWeighing::constant) ? AdapterUse::kMerged
                                                                  : AdapterUse::kCarried;
}

}  // namespace

int Blend::Evaluations(const StepContext& step) const {
  if (use == AdapterUse::kCarried) return 1;
  std::vector<double> values;
  for (const AnyWeighing& weight : weights) values.push_back(weight(step));
  const auto tuned = std::ranges::count_if(values, [](double w) { return w != 0.0; });
  return static_cast<int>(tuned) + (BaseWeight(values) != 0.0 ? 1 : 0);
}

std::vector<Blend> BlendsOf(const AnnealConfig& config) {
  const std::vector<LoraArgument> loras = ParseLoraArguments(config.lora);
  if (!HaveOwnWeights(loras)) {
    const auto types = ParseWeightTypes(config).value();
    return {types.begin(), types.end()};
  }
  const OwnWeights own = OwnWeightsOf(loras);
  switch (const AdapterUse use = UseOf(config, own)) {
    case AdapterUse::kApart:
      return {Blend(own.text, own.weights, use)};
    case AdapterUse::kMerged:
      return {Blend(absl::StrCat("weights(", own.text, ")"), {DraftWeighing()}, use)};
    case AdapterUse::kCarried:
      return {Blend(absl::StrCat("weights(", own.text, ")"), own.weights, use)};
  }
  return {};
}

std::vector<ScaledAdapter> AdaptersOf(const AnnealConfig& config) {
  const std::vector<LoraArgument> loras = ParseLoraArguments(config.lora);
  const OwnWeights own = OwnWeightsOf(loras);
  const bool merged = HaveOwnWeights(loras) && UseOf(config, own) == AdapterUse::kMerged;
  std::vector<ScaledAdapter> sources;
  for (size_t i = 0; i < loras.size(); ++i) {
    const double weight = merged ? own.weights[i](StepContext{}) : 1.0;
    sources.push_back({loras[i].path, config.lora_scale * weight, DoraNormNamed(config.dora_norm)});
  }
  return sources;
}

}  // namespace draftp
