// The guided denoiser: networks, weighings and guiders to one D(x; sigma). Annealing is its m = 2.
#ifndef DRAFTP_SAMPLING_MIXTURE_DENOISER_H_
#define DRAFTP_SAMPLING_MIXTURE_DENOISER_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/guider.h"
#include "draftp/sampling/guiders.h"
#include "draftp/sampling/noise_predictor.h"
#include "draftp/sampling/preconditioning.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// What the members' weights leave to the base: 1 - sum_j w_j, and exactly 0 where that is rounding.
inline double BaseWeight(std::span<const double> weights) {
  constexpr double kRounding = 1e-12;
  double rest = 1.0;
  for (const double weight : weights) rest -= weight;
  return weights.size() > 1 && std::abs(rest) <= kRounding ? 0.0 : rest;
}

// D = (1 - sum_j w_j) D_0 + sum_j w_j D_j, where D_0 is the base's guided estimate, D_j a member's,
// and w_j = weight(step), the step's own for all evaluations inside it, over the preconditioning's
// training table. As D, d = (x - D)/sigma and the network's output are affine in each other at
// fixed x and sigma, this is also d = (1-w) d_base + w d_tuned.
// - Whoever has weight 0 in a step is not evaluated in it. Weights must be finite.
// - All that are evaluated go to the predictor in one call: base first, then the members in order,
//   each with its guider's rows (unconditional first).
// - No members: the plain guided denoiser. One: annealing. m: a blend of adapters
//   (arXiv 2505.18547). With guiders of their own: combined generation (arXiv 2505.22569).
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
    const std::vector<Part> parts = Parts(step);
    std::vector<RowGroup> rows;
    for (const Part& part : parts) {
      for (const Condition condition : part.guider->Conditions(step))
        rows.push_back({part.model, condition});
    }
    const Scaling scaling = preconditioning_.At(sigma);
    const at::Tensor output =
        (*predictor_)(x * scaling.c_in, scaling.time, rows).to(x.scalar_type());  // [rows*B,C,h,w]
    const int64_t batch = x.size(0);
    TORCH_CHECK(output.size(0) == batch * static_cast<int64_t>(rows.size()),
                "the predictor returned ", output.size(0), " rows for ", rows.size(),
                " row groups of ", batch);
    std::vector<at::Tensor> predictions;  // a row group each, [B,C,h,w]
    for (std::size_t r = 0; r < rows.size(); ++r) {
      predictions.push_back(output.narrow(0, static_cast<int64_t>(r) * batch, batch));
    }
    return Combine(x, scaling, step, parts, predictions);
  }

 private:
  // What a step evaluates, and with which weight.
  struct Part {
    int model;
    double weight;
    const G* guider;
  };

  std::vector<Part> Parts(StepContext step) const {
    if constexpr (requires { preconditioning_.table(); }) step.table = &preconditioning_.table();
    std::vector<Part> parts;
    std::vector<double> weights;
    for (const Member& member : members_) {
      const double weight = member.weight(step);
      TORCH_CHECK(std::isfinite(weight), "weight ", weight, " of model ", member.model, " at step ",
                  step.index);
      weights.push_back(weight);
      if (weight != 0.0) parts.push_back({member.model, weight, &member.guider});
    }
    if (const double rest = BaseWeight(weights); rest != 0.0)
      parts.insert(parts.begin(), {base_.model, rest, &base_.guider});
    return parts;
  }

  static at::Tensor Combine(const at::Tensor& x, const Scaling& scaling, const StepContext& step,
                            const std::vector<Part>& parts,
                            std::span<const at::Tensor> predictions) {
    at::Tensor denoised = scaling.c_skip == 1.0 ? x : x * scaling.c_skip;
    for (const Part& part : parts) {
      const std::size_t rows = part.guider->Conditions(step).size();
      const at::Tensor guided = part.guider->Combine(step, predictions.first(rows));
      const double scale = scaling.c_out * part.weight;
      // The first sum is a new tensor, which nothing else holds, so the others may go into it.
      denoised = denoised.is_same(x) ? at::add(x, guided, scale) : denoised.add_(guided, scale);
      predictions = predictions.subspan(rows);
    }
    return denoised;
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
