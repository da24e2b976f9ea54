// DRTune: a few equally spaced steps with a constant network input, and a random early stop.
#ifndef DRAFTP_OBJECTIVE_DRTUNE_H_
#define DRAFTP_OBJECTIVE_DRTUNE_H_

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/objective/objective.h"
#include "draftp/objective/objective_options.h"
#include "draftp/sampling/equally_spaced.h"

namespace draftp {

// Stops at a step drawn from the last `late_steps` and trains K steps, equally spaced among those
// up to the stop, the first drawn too (Wu et al., arXiv 2405.00760, algorithm 1; there the spacing
// is drawn over all N steps, so that a step may fall behind the stop and be lost).
class DrTune {
 public:
  static constexpr std::string_view kName = "drtune";
  static constexpr std::string_view kOptions = "truncation_steps late_steps";
  static DrTune Make(const ObjectiveOptions& o) {
    return DrTune(o.truncation_steps, o.LateSteps());
  }

  DrTune(int k, int late_steps) : k_(k), late_steps_(late_steps) {
    TORCH_CHECK(k >= 1 && late_steps >= 1, "DRTune needs K and late steps >= 1");
  }

  EquallySpaced Window(int total, StepRandom& random) const {
    const int late = std::min(late_steps_, total - std::min(k_, total) + 1);
    const int stop = static_cast<int>(random.Uniform(total - late, total - 1));
    const int count = std::min(k_, stop + 1), stride = (stop + 1) / count;
    const int first = static_cast<int>(random.Uniform(0, stop - (count - 1) * stride));
    return {first, stride, count, stop};
  }

  template <class R>
  std::vector<at::Tensor> Latents(R& rollout, StepRandom& random) const {
    return {rollout.Run(Window(rollout.steps(), random))};
  }
  at::Tensor Loss(const at::Tensor& rewards) const { return NegativeMean(rewards); }
  bool fixed_window() const { return false; }
  std::string name() const { return std::string(kName); }

 private:
  int k_, late_steps_;
};

static_assert(Objective<DrTune>, "DrTune does not satisfy Objective");

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_DRTUNE_H_
