// ReFL: the reward of the end as it is predicted from one random late step.
#ifndef DRAFTP_OBJECTIVE_REFL_H_
#define DRAFTP_OBJECTIVE_REFL_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/relu.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/objective/objective.h"
#include "draftp/objective/objective_options.h"
#include "draftp/sampling/predict_at.h"

namespace draftp {

// Runs without gradient to a step m drawn from the last `late_steps`, decodes D(x_m), and descends
// weight mean(relu(margin - r)) (Xu et al., arXiv 2304.05977, algorithm 1 and eq. 5).
class Refl {
 public:
  static constexpr std::string_view kName = "refl";
  static constexpr std::string_view kOptions = "late_steps refl_margin refl_weight";
  static Refl Make(const ObjectiveOptions& o) {
    return Refl({.late_steps = o.LateSteps(), .margin = o.margin, .weight = o.weight});
  }

  struct Options {
    int late_steps = 10;    // at most all
    double margin = 100.0;  // in the reward's unit: images above it have no gradient
    double weight = 1.0;
  };
  explicit Refl(Options options) : options_(options) {
    TORCH_CHECK(options.late_steps >= 1, "ReFL needs at least 1 late step");
  }

  template <class R>
  std::vector<at::Tensor> Latents(R& rollout, StepRandom& random) const {
    const int total = rollout.steps(), late = std::min(options_.late_steps, total);
    return {rollout.Run(PredictAt(static_cast<int>(random.Uniform(total - late, total - 1))))};
  }
  at::Tensor Loss(const at::Tensor& rewards) const {
    return options_.weight * at::relu(options_.margin - rewards).mean();
  }
  bool fixed_window() const { return false; }
  std::string name() const { return std::string(kName); }

 private:
  Options options_;
};

static_assert(Objective<Refl>, "Refl does not satisfy Objective");

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_REFL_H_
