// Puts the scales that a blending has for a step into effect: LoRA scaling over the steps of a run.
#ifndef DRAFTP_SDXL_ADAPTER_SCALE_DENOISER_H_
#define DRAFTP_SDXL_ADAPTER_SCALE_DENOISER_H_

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "draftp/adapter/adapter_guard.h"
#include "draftp/sampling/blending.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/schedule/ddpm_table.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// What `inner` gives, in the steps for which the blending has scales while adapter j is in effect
// with scale j, on all rows, so that kScaledAdapters is W_base + sum_j scale_j dW_j. In other steps
// the adapters stay as they are.
//   AdapterScaleDenoiser denoiser(inner, predictor.adapters(), blending, table);
template <Denoiser D, SwitchesAdapters S = AdapterSwitch>
class AdapterScaleDenoiser {
 public:
  // `inner` and `adapters`, which its predictor consults, aren't owned. `table`: that of the
  // model's training, for weights over its time.
  AdapterScaleDenoiser(D& inner, S& adapters, AnyBlending blending, DdpmTable table)
      : inner_(&inner),
        adapters_(&adapters),
        blending_(std::move(blending)),
        table_(std::move(table)) {}

  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step) {
    StepContext timed = step;
    timed.table = &table_;
    const std::vector<double> scales = blending_.At(timed).scales;
    if (scales.empty()) return (*inner_)(x, sigma, step);
    AdapterRows rows;
    for (int j = 0; j < static_cast<int>(scales.size()); ++j) {
      if (scales[j] != 0.0) rows.push_back({.adapter = j, .scale = scales[j]});
    }
    const InlineAdapterGuard<S> guard(*adapters_, std::move(rows));
    return (*inner_)(x, sigma, step);
  }

 private:
  D* inner_;
  S* adapters_;
  AnyBlending blending_;
  DdpmTable table_;
};

}  // namespace draftp

#endif  // DRAFTP_SDXL_ADAPTER_SCALE_DENOISER_H_
