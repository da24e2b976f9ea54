// The base model of a network that is trained by an adapter: the same denoiser with its adapters
// turned off.
#ifndef DRAFTP_OBJECTIVE_WITHOUT_ADAPTERS_H_
#define DRAFTP_OBJECTIVE_WITHOUT_ADAPTERS_H_

#include <ATen/core/Tensor.h>

#include "draftp/adapter/adapter_guard.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// Calls `tuned` inside an adapter guard. `tuned` must read `adapters` at the start of a call, and
// carry what it read into whatever runs again later (recomputed pieces, captured graphs); both must
// outlive this.
//   WithoutAdapters base(tuned, predictor.adapters());
//   GaussianKl kl(base);
template <Denoiser D, SwitchesAdapters S>
class WithoutAdapters {
 public:
  WithoutAdapters(D& tuned, S& adapters) : tuned_(&tuned), adapters_(&adapters) {}

  at::Tensor operator()(const at::Tensor& x, double sigma, const StepContext& step) {
    const InlineAdapterGuard<S> base(*adapters_);
    return (*tuned_)(x, sigma, step);
  }

 private:
  D* tuned_;
  S* adapters_;
};

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_WITHOUT_ADAPTERS_H_
