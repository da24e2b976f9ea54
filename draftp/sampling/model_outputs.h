// What a step asks of its models: guided outputs by one call of the predictor, and their weighted
// sum as D(x; sigma).
#ifndef DRAFTP_SAMPLING_MODEL_OUTPUTS_H_
#define DRAFTP_SAMPLING_MODEL_OUTPUTS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "draftp/sampling/guider.h"
#include "draftp/sampling/noise_predictor.h"
#include "draftp/sampling/preconditioning.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// What the members' weights leave to the base: 1 - sum_j w_j, and exactly 0 where that is rounding.
inline double BaseWeight(std::span<const double> weights) {
  constexpr double kRounding = 1e-12;
  double rest = 1.0;
  for (const double weight : weights) rest -= weight;
  return weights.size() > 1 && std::abs(rest) <= kRounding ? 0.0 : rest;
}

// A model that a step evaluates, and with which weight.
template <Guider G>
struct GuidedModel {
  int model;
  double weight;
  const G* guider;  // not owned
};

// The guided network outputs of `models`, each [B,C,h,w] in x's dtype, by one call of the
// predictor: the models in order, each with its guider's rows (unconditional first).
template <NoisePredictor P, Guider G>
std::vector<at::Tensor> GuidedOutputs(P& predictor, const at::Tensor& x, const Scaling& scaling,
                                      const StepContext& step,
                                      const std::vector<GuidedModel<G>>& models) {
  std::vector<RowGroup> rows;
  for (const GuidedModel<G>& one : models) {
    for (const Condition condition : one.guider->Conditions(step))
      rows.push_back({one.model, condition});
  }
  const at::Tensor output =
      predictor(x * scaling.c_in, scaling.time, rows).to(x.scalar_type());  // [rows*B,C,h,w]
  const int64_t batch = x.size(0);
  TORCH_CHECK(output.size(0) == batch * static_cast<int64_t>(rows.size()),
              "the predictor returned ", output.size(0), " rows for ", rows.size(),
              " row groups of ", batch);
  std::vector<at::Tensor> predictions;  // a row group each, [B,C,h,w]
  for (std::size_t r = 0; r < rows.size(); ++r)
    predictions.push_back(output.narrow(0, static_cast<int64_t>(r) * batch, batch));
  std::vector<at::Tensor> guided;
  std::span<const at::Tensor> rest = predictions;
  for (const GuidedModel<G>& one : models) {
    const std::size_t own = one.guider->Conditions(step).size();
    guided.push_back(one.guider->Combine(step, rest.first(own)));
    rest = rest.subspan(own);
  }
  return guided;
}

// D = c_skip x + c_out sum_j w_j F_j of the models' guided outputs F_j. With weights that add up to
// 1 this is sum_j w_j D_j, as D and F are affine in each other.
template <Guider G>
at::Tensor WeightedEstimate(const at::Tensor& x, const Scaling& scaling,
                            const std::vector<GuidedModel<G>>& models,
                            const std::vector<at::Tensor>& guided) {
  at::Tensor denoised = scaling.c_skip == 1.0 ? x : x * scaling.c_skip;
  for (std::size_t j = 0; j < models.size(); ++j) {
    const double scale = scaling.c_out * models[j].weight;
    // The first sum is a new tensor, which nothing else holds, so the others may go into it.
    denoised = denoised.is_same(x) ? at::add(x, guided[j], scale) : denoised.add_(guided[j], scale);
  }
  return denoised;
}

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_MODEL_OUTPUTS_H_
