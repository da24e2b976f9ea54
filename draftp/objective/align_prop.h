// AlignProp: backpropagation through a random number of last steps.
#ifndef DRAFTP_OBJECTIVE_ALIGN_PROP_H_
#define DRAFTP_OBJECTIVE_ALIGN_PROP_H_

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/objective/objective.h"
#include "draftp/objective/objective_options.h"
#include "draftp/sampling/gradient_window.h"

namespace draftp {

// As DRaFT-K with K drawn for each training step: uniformly from 1..N, or N - round(Normal(0.84 N,
// 0.1 N)), which is the paper's N - Normal(42, 5) on 50 steps (Prabhudesai et al., arXiv
// 2310.03739, section 4.2).
class AlignProp {
 public:
  static constexpr std::string_view kName = "alignprop";
  static constexpr std::string_view kOptions = "truncation_draw";
  static AlignProp Make(const ObjectiveOptions& o) {
    return AlignProp(o.normal_draw ? Draw::kNormal : Draw::kUniform);
  }

  enum class Draw { kUniform, kNormal };
  explicit AlignProp(Draw draw = Draw::kUniform) : draw_(draw) {}

  // K in 1..total.
  int Truncation(int total, StepRandom& random) const {
    if (draw_ == Draw::kUniform) return static_cast<int>(random.Uniform(1, total));
    const double kept = std::round(random.Normal(0.84 * total, 0.1 * total));
    return std::clamp(total - static_cast<int>(kept), 1, total);
  }

  template <class R>
  std::vector<at::Tensor> Latents(R& rollout, StepRandom& random) const {
    return {rollout.Run(LastK(Truncation(rollout.steps(), random)))};
  }
  at::Tensor Loss(const at::Tensor& rewards) const { return NegativeMean(rewards); }
  bool fixed_window() const { return false; }
  std::string name() const { return std::string(kName); }

 private:
  Draw draw_;
};

static_assert(Objective<AlignProp>, "AlignProp does not satisfy Objective");

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_ALIGN_PROP_H_
