// ReFL's gradient window: one late step, from which the run's end is predicted at once.
#ifndef DRAFTP_SAMPLING_PREDICT_AT_H_
#define DRAFTP_SAMPLING_PREDICT_AT_H_

#include <c10/util/Exception.h>

#include "draftp/sampling/gradient_window.h"

namespace draftp {

// Steps before `index` without gradient; there the run ends with D(x_index), with gradient (ReFL,
// arXiv 2304.05977, algorithm 1). `index` is drawn anew for each training step.
class PredictAt {
 public:
  explicit PredictAt(int index) : index_(index) {
    TORCH_CHECK(index >= 0, "PredictAt needs index >= 0, got ", index);
  }
  StepAction operator()(int index, int total) const {
    TORCH_CHECK(index_ < total, "PredictAt: step ", index_, " of ", total);
    return index == index_ ? StepAction::kPredictAndStop : StepAction::kNoGradient;
  }

 private:
  int index_;
};

static_assert(GradientWindow<PredictAt>, "PredictAt does not satisfy GradientWindow");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_PREDICT_AT_H_
