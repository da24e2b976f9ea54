// DRaFT-LV: the last step's gradient, averaged over re-noised copies of the final latents.
#ifndef DRAFTP_OBJECTIVE_DRAFT_LV_H_
#define DRAFTP_OBJECTIVE_DRAFT_LV_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <string>
#include <string_view>
#include <vector>

#include "draftp/objective/objective.h"
#include "draftp/objective/objective_options.h"
#include "draftp/sampling/gradient_window.h"
#include "draftp/sampling/predict_at.h"

namespace draftp {

// x_N by a run without gradient; copies x_N + sigma_{N-1} eps_j, each denoised in one step with
// gradient; loss = the mean of -r over the copies: less variance than DRaFT-1 for the cost of a
// step a copy (Clark et al., arXiv 2309.17400, section 4 and algorithm 1). eps_j goes on from the
// images' own generators.
class DraftLv {
 public:
  static constexpr std::string_view kName = "draft_lv";
  static constexpr std::string_view kOptions = "copies";
  static DraftLv Make(const ObjectiveOptions& o) { return DraftLv(o.copies); }

  explicit DraftLv(int copies = 2) : copies_(copies) {
    TORCH_CHECK(copies >= 1, "DRaFT-LV needs at least 1 copy, got ", copies);
  }

  template <class R>
  std::vector<at::Tensor> Latents(R& rollout, StepRandom& /*random*/) const {
    const at::Tensor end = rollout.Run(InferenceOnly()).detach();
    const int last = rollout.steps() - 1;
    std::vector<at::Tensor> latents;
    for (int j = 0; j < copies_; ++j) {
      latents.push_back(rollout.Resume(last, rollout.Renoised(end, last), PredictAt(last)));
    }
    return latents;
  }
  at::Tensor Loss(const at::Tensor& rewards) const { return NegativeMean(rewards); }
  bool fixed_window() const { return false; }
  std::string name() const { return std::string(kName); }

 private:
  int copies_;
};

static_assert(Objective<DraftLv>, "DraftLv does not satisfy Objective");

}  // namespace draftp

#endif  // DRAFTP_OBJECTIVE_DRAFT_LV_H_
