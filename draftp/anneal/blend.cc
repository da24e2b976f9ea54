#include "draftp/anneal/blend.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "draftp/anneal/lora_argument.h"
#include "draftp/sampling/blendings.h"
#include "draftp/schedule/parse_weighing.h"

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

std::vector<Blend> BlendsOf(const AnnealConfig& config) {
  if (!HaveOwnWeights(config)) return BlendsNamed(config.weight_type, config).value();
  const OwnWeights own = OwnWeightsOf(ParseLoraArguments(config.lora));
  const std::string together = absl::StrCat("weights(", own.text, ")");
  switch (UseOf(config, own)) {
    case AdapterUse::kMerged:
      return {{together, MixBlending({DraftWeighing()})}};
    case AdapterUse::kCarried:
      return {{together, WeightsBlending(own.weights)}};
    default:
      return {{own.text, MixBlending(own.weights)}};
  }
}

absl::StatusOr<std::vector<Blend>> BlendsNamed(const std::vector<std::string>& texts,
                                               const AnnealConfig& config) {
  auto types = ParseBlendTypes(texts, config);
  if (!types.ok()) return types.status();
  std::vector<Blend> blends;
  for (BlendType& type : *types) blends.push_back({std::move(type.text), std::move(type.blending)});
  return blends;
}

AdapterUse AdapterUseOf(const AnnealConfig& config) {
  if (HaveOwnWeights(config)) return UseOf(config, OwnWeightsOf(ParseLoraArguments(config.lora)));
  bool apart = false, carried = false;
  for (const Blend& blend : BlendsOf(config)) {
    carried = carried || blend.blending.scales_adapters();
    apart = apart || (!blend.blending.scales_adapters() && blend.blending.adapters() > 0);
  }
  if (!carried) return AdapterUse::kApart;
  return apart ? AdapterUse::kApartAndCarried : AdapterUse::kCarried;
}

std::vector<ScaledAdapter> AdaptersOf(const AnnealConfig& config) {
  const std::vector<LoraArgument> loras = ParseLoraArguments(config.lora);
  const OwnWeights own = OwnWeightsOf(loras);
  const bool merged = HaveOwnWeights(config) && UseOf(config, own) == AdapterUse::kMerged;
  std::vector<ScaledAdapter> sources;
  for (size_t i = 0; i < loras.size(); ++i) {
    const double weight = merged ? own.weights[i](StepContext{}) : 1.0;
    sources.push_back({loras[i].path, config.lora_scale * weight, DoraNormNamed(config.dora_norm)});
  }
  return sources;
}

}  // namespace draftp
