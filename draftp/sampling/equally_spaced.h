// DRTune's gradient window: equally spaced steps whose network input is a constant, and an early
// stop.
#ifndef DRAFTP_SAMPLING_EQUALLY_SPACED_H_
#define DRAFTP_SAMPLING_EQUALLY_SPACED_H_

#include <c10/util/Exception.h>

#include "draftp/sampling/gradient_window.h"

namespace draftp {

// The steps first, first + stride, ... (`count` of them) train the network on a detached input;
// between them the noise estimate is a constant and the state passes its gradient on; at step
// `stop` the run ends with D(x_stop) (DRTune, arXiv 2405.00760, algorithm 1). `first` and `stop`
// are drawn anew for each training step.
class EquallySpaced {
 public:
  // first + (count - 1) stride <= stop.
  EquallySpaced(int first, int stride, int count, int stop)
      : first_(first), stride_(stride), count_(count), stop_(stop) {
    TORCH_CHECK(first >= 0 && stride >= 1 && count >= 1 && first + (count - 1) * stride <= stop,
                "EquallySpaced: ", count, " steps from ", first, " by ", stride, " until ", stop);
  }
  StepAction operator()(int index, int total) const {
    TORCH_CHECK(stop_ < total, "EquallySpaced: stop at ", stop_, " of ", total);
    const StepAction action = Gradient(index);
    return index == stop_ ? action.AndStop() : action;
  }

 private:
  StepAction Gradient(int index) const {
    if (index < first_) return StepAction::kNoGradient;
    const int place = index - first_;
    const bool trains = place % stride_ == 0 && place / stride_ < count_;
    return trains ? StepAction::kDetachedInput : StepAction::kStateOnly;
  }

  int first_, stride_, count_, stop_;
};

static_assert(GradientWindow<EquallySpaced>, "EquallySpaced does not satisfy GradientWindow");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_EQUALLY_SPACED_H_
