// The ways to blend whose steps are linear in the models' estimates: mixtures, scaled adapters, a
// drawn adapter, contrast, guidance of one's own.
#ifndef DRAFTP_SAMPLING_BLENDINGS_H_
#define DRAFTP_SAMPLING_BLENDINGS_H_

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "draftp/sampling/blending.h"
#include "draftp/sampling/model_outputs.h"
#include "draftp/schedule/member.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/text.h"
#include "draftp/schedule/weighing.h"

namespace draftp {
namespace internal {

inline double FiniteWeight(const AnyWeighing& weighing, const StepContext& step) {
  const double weight = weighing(step);
  TORCH_CHECK(std::isfinite(weight), "weight ", weight, " of ", weighing.name(), " at step ",
              step.index);
  return weight;
}

inline std::vector<double> FiniteWeights(const std::vector<AnyWeighing>& weighings,
                                         const StepContext& step) {
  std::vector<double> weights;
  for (const AnyWeighing& weighing : weighings) weights.push_back(FiniteWeight(weighing, step));
  return weights;
}

// D_0 + sum_j w_j (D_j - D_0), j from 1 on.
inline BlendStep MixtureStep(std::span<const double> weights) {
  BlendStep step;
  if (const double rest = BaseWeight(weights); rest != 0.0)
    step.parts.push_back({kBaseModel, rest});
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] != 0.0) step.parts.push_back({static_cast<int>(j) + 1, weights[j]});
  }
  return step;
}

inline bool IsZero(const AnyWeighing& weighing) {
  return weighing.constant() && weighing(StepContext{}) == 0.0;
}

}  // namespace internal

// D = D_base + sum_j w_j (D_j - D_base), D_j of the model with adapter j: annealing (one adapter),
// reinforcement-learning guidance where w > 1 (arXiv 2508.21016), Diffusion Blend's DB-MPA
// (several, arXiv 2505.18547). The base and each adapter of weight 0 aren't evaluated. Text:
// mix(T1,T2,...), a weight type for each adapter; of one adapter, T itself.
class MixBlending {
 public:
  explicit MixBlending(std::vector<AnyWeighing> weights) : weights_(std::move(weights)) {}

  BlendStep At(const StepContext& step) const {
    return internal::MixtureStep(internal::FiniteWeights(weights_, step));
  }
  int adapters() const {
    const bool base_alone = weights_.size() == 1 && internal::IsZero(weights_[0]);
    return base_alone ? 0 : static_cast<int>(weights_.size());
  }
  std::string name() const {
    const std::string list = schedule_text::ToText(weights_);
    return weights_.size() == 1 ? list : "mix(" + list + ")";
  }

 private:
  std::vector<AnyWeighing> weights_;
};

// D of the one model with W = W_base + sum_j w_j dW_j: LoRA scaling over the steps, the cheap
// baseline of arXiv 2409.06493; one evaluation a step. As networks aren't linear in their weights,
// this is another picture than the mixture of predictions. Text: weights(T1,T2,...).
class WeightsBlending {
 public:
  explicit WeightsBlending(std::vector<AnyWeighing> scales) : scales_(std::move(scales)) {}

  BlendStep At(const StepContext& step) const {
    std::vector<double> scales = internal::FiniteWeights(scales_, step);
    if (std::ranges::all_of(scales, [](double s) { return s == 0.0; }))
      return {.parts = {{kBaseModel, 1.0}}};
    return {.parts = {{kScaledAdapters, 1.0}}, .scales = std::move(scales)};
  }
  int adapters() const { return static_cast<int>(scales_.size()); }
  bool scales_change() const { return !std::ranges::all_of(scales_, &AnyWeighing::constant); }
  std::string name() const { return "weights(" + schedule_text::ToText(scales_) + ")"; }

 private:
  std::vector<AnyWeighing> scales_;
};

// The number in [0,1) that a run of `seed` draws in step `index`, 53 bits of output `index` of
// SplitMix64 (Steele, Lea and Flood 2014).
inline double StepUniform(uint64_t seed, int index) {
  uint64_t z = seed + (static_cast<uint64_t>(index) + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

// D of one model, drawn for each step: that of adapter j with probability p_j, the base with what
// they leave (Diffusion Blend's DB-MPA-LS, arXiv 2505.18547). One evaluation a step. The draw is
// StepUniform(seed, step's index), so that all images of a run, whatever batch or rank, and all
// evaluations inside a step have the same one. Text: draw(p1,p2,...).
class DrawBlending {
 public:
  DrawBlending(uint64_t seed, std::vector<double> probabilities)
      : seed_(seed), probabilities_(std::move(probabilities)) {
    const std::string fault = Fault(probabilities_);
    TORCH_CHECK(fault.empty(), fault);
  }

  // Empty if they are in [0,1] and add up to 1 at most.
  static std::string Fault(const std::vector<double>& probabilities) {
    double sum = 0;
    for (const double p : probabilities) {
      if (!(p >= 0 && p <= 1)) {
        return "a probability of draw is " + schedule_text::FormatNumber(p) +
               ", expected a number in [0, 1]";
      }
      sum += p;
    }
    if (sum <= 1 + kRounding) return {};
    return "the probabilities of draw add up to " + schedule_text::FormatNumber(sum) +
           ", expected at most 1";
  }

  BlendStep At(const StepContext& step) const {
    const double drawn = StepUniform(seed_, step.index);
    double sum = 0;
    int last = kBaseModel;  // with a probability above 0
    for (std::size_t j = 0; j < probabilities_.size(); ++j) {
      sum += probabilities_[j];
      if (probabilities_[j] > 0) last = static_cast<int>(j) + 1;
      if (drawn < sum) return {.parts = {{static_cast<int>(j) + 1, 1.0}}};
    }
    return {.parts = {{sum >= 1 - kRounding ? last : kBaseModel, 1.0}}};
  }
  int adapters() const { return static_cast<int>(probabilities_.size()); }
  std::string name() const { return "draw(" + schedule_text::ToText(probabilities_) + ")"; }

 private:
  static constexpr double kRounding = 1e-12;

  uint64_t seed_;
  std::vector<double> probabilities_;
};

// D = D_base + w (D_1 - D_2), adapter 1 tuned on preferred and 2 on rejected pictures (cPGD, arXiv
// 2602.18799). Text: contrast(T).
class ContrastBlending {
 public:
  explicit ContrastBlending(AnyWeighing weight) : weight_(std::move(weight)) {}

  BlendStep At(const StepContext& step) const {
    const double weight = internal::FiniteWeight(weight_, step);
    if (weight == 0.0) return {.parts = {{kBaseModel, 1.0}}};
    return {.parts = {{kBaseModel, 1.0}, {1, weight}, {2, -weight}}};
  }
  int adapters() const { return 2; }
  std::string name() const { return "contrast(" + weight_.name() + ")"; }

 private:
  AnyWeighing weight_;
};

// D = (1 - w) D_base + w D_tuned, D_tuned under the guidance scale g and D_base under the run's
// (combined generation, arXiv 2505.22569). As everywhere, 0 and 1 are no guidance.
// Text: guided(T,g).
class GuidedBlending {
 public:
  GuidedBlending(AnyWeighing weight, double scale)
      : weight_(std::move(weight)), scale_(scale == 0.0 ? 1.0 : scale) {}

  BlendStep At(const StepContext& step) const {
    const double weight = internal::FiniteWeight(weight_, step);
    BlendStep blend = internal::MixtureStep({&weight, 1});
    for (BlendPart& part : blend.parts) {
      if (part.model != kBaseModel) part.guidance = scale_;
    }
    return blend;
  }
  int adapters() const { return 1; }
  double guidance() const { return scale_; }  // 1: none
  std::string name() const {
    return "guided(" + weight_.name() + "," + schedule_text::FormatNumber(scale_) + ")";
  }

 private:
  AnyWeighing weight_;
  double scale_;
};

static_assert(Blending<MixBlending>, "MixBlending does not satisfy Blending");
static_assert(Blending<WeightsBlending> && ScalesAdapters<WeightsBlending>,
              "WeightsBlending does not satisfy Blending");
static_assert(Blending<DrawBlending>, "DrawBlending does not satisfy Blending");
static_assert(Blending<ContrastBlending>, "ContrastBlending does not satisfy Blending");
static_assert(Blending<GuidedBlending>, "GuidedBlending does not satisfy Blending");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_BLENDINGS_H_
