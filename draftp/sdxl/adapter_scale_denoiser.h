// One model whose adapters' scales follow the step: LoRA scaling over the steps of a run.
#ifndef DRAFTP_SDXL_ADAPTER_SCALE_DENOISER_H_
#define DRAFTP_SDXL_ADAPTER_SCALE_DENOISER_H_

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "draftp/adapter/adapter_guard.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/step_context.h"
#include "draftp/schedule/weighing.h"

namespace draftp {

// D of the weights theta + sum_j w_j(step) Delta theta_j: what `inner` gives while adapter j is in
// effect with scale w_j, on all rows. One evaluation a step; as networks aren't linear in their
// weights, this is another picture than the mixture of predictions (mixture_denoiser.h).
//   AdapterScaleDenoiser denoiser(tuned, predictor.adapters(), {*ParseWeighing("linear")}, table);
template <Denoiser D, SwitchesAdapters S = AdapterSwitch>
class AdapterScaleDenoiser {
 public:
  // `inner` and `adapters`, which its predictor consults, aren't owned. `table`: that of the
  // model's training, for weights over its time.
  AdapterScaleDenoiser(D& inner, S& adapters, std::vector<AnyWeighing> weights, DdpmTable table)
      : inner_(&inner),
        adapters_(&adapters),
        weights_(std::move(weights)),
        table_(std::move(table)) {}

  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step) {
    StepContext timed = step;
    timed.table = &table_;
    AdapterRows rows;
    for (int j = 0; j < static_cast<int>(weights_.size()); ++j) {
      const double scale = weights_[j](timed);
      if (scale != 0.0) rows.push_back({.adapter = j, .scale = scale});
    }
    const InlineAdapterGuard<S> guard(*adapters_, std::move(rows));
    return (*inner_)(x, sigma, step);
  }

 private:
  D* inner_;
  S* adapters_;
  std::vector<AnyWeighing> weights_;
  DdpmTable table_;
};

}  // namespace draftp

#endif  // DRAFTP_SDXL_ADAPTER_SCALE_DENOISER_H_
