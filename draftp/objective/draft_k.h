// DRaFT-K: the gradient of the last K steps of a whole run.
#ifndef DRAFTP_OBJECTIVE_DRAFT_K_H_
#define DRAFTP_OBJECTIVE_DRAFT_K_H_

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <string>
#include <string_view>
#include <vector>

#include "draftp/objective/objective.h"
#include "draftp/objective/objective_options.h"
#include "draftp/sampling/gradient_window.h"

namespace draftp {

// loss = -mean r(decode(x_N)), gradient through the last K steps; K = N is DRaFT (Clark et al.,
// arXiv 2309.17400, section 4).
class DraftK {
 public:
  static constexpr std::string_view kName = "draft_k";
  static constexpr std::string_view kOptions = "truncation_steps";
  static DraftK Make(const ObjectiveOptions& o) { return DraftK(o.truncation_steps); }

  explicit DraftK(int k) : k_(k) { TORCH_CHECK(k >= 1, "DRaFT-K needs K >= 1, got ", k); }

  template <class R>
  std::vector<at::Tensor> Latents(R& rollout, StepRandom& /*random*/) const {
    return {rollout.Run(LastK(k_))};
  }
  at::Tensor Loss(const at::Tensor& rewards) const { return NegativeMean(rewards); }
  bool fixed_window() const { return true; }
  std::string name() const { return std::string(kName); }

 private:
  int k_;
};

static_assert(Objective<DraftK>, "DraftK does not satisfy Objective");

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_DRAFT_K_H_
