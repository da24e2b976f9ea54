// The guided denoiser: networks, weighings and guiders to one D(x; sigma). Annealing is its m = 2.
#ifndef DRAFTP_SAMPLING_MIXTURE_DENOISER_H_
#define DRAFTP_SAMPLING_MIXTURE_DENOISER_H_

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <utility>
#include <vector>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/guider.h"
#include "draftp/sampling/guiders.h"
#include "draftp/sampling/model_outputs.h"
#include "draftp/sampling/noise_predictor.h"
#include "draftp/sampling/preconditioning.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// D = (1 - sum_j w_j) D_0 + sum_j w_j D_j, where D_0 is the base's guided estimate, D_j a member's,
// and w_j = weight(step), the step's own for all evaluations inside it, over the preconditioning's
// training table. As D, d = (x - D)/sigma and the network's output are affine in each other at
// fixed x and sigma, this is also d = (1-w) d_base + w d_tuned.
// - Whoever has weight 0 in a step is not evaluated in it. Weights must be finite.
// - All that are evaluated go to the predictor in one call: base first, then the members in order,
//   each with its guider's rows (unconditional first).
// - No members: the plain guided denoiser. One: annealing. m: a blend of adapters
//   (arXiv 2505.18547). With guiders of their own: combined generation (arXiv 2505.22569).
//   Other ways to blend: blend_denoiser.h.
// - D has x's dtype, whatever the network computes in.
// The predictor is not owned and must outlive the denoiser.
//   MixtureDenoiser denoiser(unet, DiscreteEpsilon(DdpmTable::Standard()), {0, cfg},
//                            {{1, *ParseWeighing("step_0.6"), cfg}});
template <NoisePredictor P, Preconditioning C, Guider G, Weighing W = AnyWeighing>
class MixtureDenoiser {
 public:
  struct Base {
    int model;
    G guider;
  };
  struct Member {
    int model;
    W weight;
    G guider;
  };

  MixtureDenoiser(P& predictor, C preconditioning, Base base, std::vector<Member> members = {})
      : predictor_(&predictor),
        preconditioning_(std::move(preconditioning)),
        base_(std::move(base)),
        members_(std::move(members)) {}

  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step) {
    const std::vector<GuidedModel<G>> models = Models(step);
    const Scaling scaling = preconditioning_.At(sigma);
    return WeightedEstimate(x, scaling, models,
                            GuidedOutputs(*predictor_, x, scaling, step, models));
  }

 private:
  std::vector<GuidedModel<G>> Models(StepContext step) const {
    if constexpr (requires { preconditioning_.table(); }) step.table = &preconditioning_.table();
    std::vector<GuidedModel<G>> models;
    std::vector<double> weights;
    for (const Member& member : members_) {
      const double weight = member.weight(step);
      TORCH_CHECK(std::isfinite(weight), "weight ", weight, " of model ", member.model, " at step ",
                  step.index);
      weights.push_back(weight);
      if (weight != 0.0) models.push_back({member.model, weight, &member.guider});
    }
    if (const double rest = BaseWeight(weights); rest != 0.0)
      models.insert(models.begin(), {base_.model, rest, &base_.guider});
    return models;
  }

  P* predictor_;
  C preconditioning_;
  Base base_;
  std::vector<Member> members_;
};

// The plain guided denoiser of one model.
template <NoisePredictor P, Preconditioning C, Guider G>
MixtureDenoiser<P, C, G> GuidedDenoiser(P& predictor, C preconditioning, int model, G guider) {
  return MixtureDenoiser<P, C, G>(predictor, std::move(preconditioning),
                                  {model, std::move(guider)});
}

static_assert(
    Denoiser<MixtureDenoiser<internal::PredictorArchetype, DiscreteEpsilon, IdentityGuider>>,
    "MixtureDenoiser does not satisfy Denoiser");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_MIXTURE_DENOISER_H_
