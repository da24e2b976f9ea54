// D(x; sigma) of any way to blend a base model with what was fine-tuned.
#ifndef DRAFTP_SAMPLING_BLEND_DENOISER_H_
#define DRAFTP_SAMPLING_BLEND_DENOISER_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

#include "draftp/sampling/blending.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/guider.h"
#include "draftp/sampling/guiders.h"
#include "draftp/sampling/model_outputs.h"
#include "draftp/sampling/noise_predictor.h"
#include "draftp/sampling/preconditioning.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// g.WithScale(s): the same guider with another guidance scale.
template <class G>
concept ScalableGuider = Guider<G> && requires(const G& g, double scale) {
  { g.WithScale(scale) } -> std::same_as<G>;
};

// What each step evaluates, guided, by one call of the predictor (base first, then the models in
// order, unconditional rows first), combined as the blending says. The step's own weights serve all
// evaluations inside it, over the preconditioning's training table.
// - Steps that are linear compute what MixtureDenoiser does, bit for bit.
// - Of the others, D_tuned - D_base = c_out (F_tuned - F_base) is formed before anything is added
//   to it, for it is small beside both.
// The blending's model j is the predictor's model j, and kScaledAdapters its `scaled_model`, whose
// scales are put into effect by who wraps this (sdxl/adapter_scale_denoiser.h).
template <NoisePredictor P, Preconditioning C, ScalableGuider G>
class BlendDenoiser {
 public:
  static constexpr int kNone = -1;

  // The predictor isn't owned and must outlive the denoiser.
  BlendDenoiser(P& predictor, C preconditioning, G guider, AnyBlending blending,
                int scaled_model = kNone)
      : predictor_(&predictor),
        preconditioning_(std::move(preconditioning)),
        guider_(std::move(guider)),
        blending_(std::move(blending)),
        scaled_model_(scaled_model) {}

  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step) {
    StepContext timed = step;
    if constexpr (requires { preconditioning_.table(); }) timed.table = &preconditioning_.table();
    const BlendStep blend = blending_.At(timed);
    std::vector<G> own;  // guiders
    own.reserve(blend.parts.size());
    std::vector<GuidedModel<G>> models;
    for (const BlendPart& part : blend.parts) {
      if (part.guidance) own.push_back(guider_.WithScale(*part.guidance));
      models.push_back({Model(part), part.weight, part.guidance ? &own.back() : &guider_});
    }
    const Scaling scaling = preconditioning_.At(sigma);
    const std::vector<at::Tensor> guided = GuidedOutputs(*predictor_, x, scaling, timed, models);
    if (blend.linear) return WeightedEstimate(x, scaling, models, guided);
    TORCH_CHECK(guided.size() == 2, blending_.name(), ": ", guided.size(),
                " models in a step, expected two");
    return blending_.Combine(timed, x * scaling.c_skip + guided[0] * scaling.c_out,
                             (guided[1] - guided[0]) * scaling.c_out);
  }

 private:
  int Model(const BlendPart& part) const {
    if (part.model != kScaledAdapters) return part.model;
    TORCH_CHECK(scaled_model_ != kNone, blending_.name(),
                ": the predictor has no model that carries all adapters");
    return scaled_model_;
  }

  P* predictor_;
  C preconditioning_;
  G guider_;
  AnyBlending blending_;
  int scaled_model_;
};

static_assert(
    Denoiser<BlendDenoiser<internal::PredictorArchetype, DiscreteEpsilon, ClassifierFreeGuider>>,
    "BlendDenoiser does not satisfy Denoiser");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_BLEND_DENOISER_H_
