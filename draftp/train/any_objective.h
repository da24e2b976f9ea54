// The training objective that a run's settings name, chosen at run time.
#ifndef DRAFTP_TRAIN_ANY_OBJECTIVE_H_
#define DRAFTP_TRAIN_ANY_OBJECTIVE_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "draftp/train/align_prop.h"
#include "draftp/train/draft_k.h"
#include "draftp/train/draft_lv.h"
#include "draftp/train/drtune.h"
#include "draftp/train/objective.h"
#include "draftp/train/refl.h"

namespace draftp {

// The options of all objectives; each takes its own.
struct ObjectiveOptions {
  int steps = 25;            // N
  int truncation_steps = 1;  // draft_k, drtune: K
  int late_steps = 0;     // refl, drtune: the random stop is among the last so many; 0: a quarter
  int copies = 2;         // draft_lv
  double margin = 100.0;  // refl
  double weight = 1.0;    // refl
  std::string truncation_draw = "uniform";  // alignprop: uniform or normal
};

class AnyObjective {
 public:
  using Member = std::variant<DraftK, DraftLv, AlignProp, Refl, DrTune>;
  explicit AnyObjective(Member member) : member_(std::move(member)) {}

  // `name`: one of Names(). InvalidArgument lists them for another, and names an option that is out
  // of range by its flag.
  static absl::StatusOr<AnyObjective> Named(std::string_view name, const ObjectiveOptions& options);
  // draft_k, draft_lv, alignprop, refl, drtune.
  static std::vector<std::string> Names();

  template <class R>
  std::vector<at::Tensor> Latents(R& rollout, StepRandom& random) const {
    return std::visit([&](const auto& member) { return member.Latents(rollout, random); }, member_);
  }
  at::Tensor Loss(const at::Tensor& rewards) const {
    return std::visit([&](const auto& member) { return member.Loss(rewards); }, member_);
  }
  bool fixed_window() const {
    return std::visit([](const auto& member) { return member.fixed_window(); }, member_);
  }
  std::string name() const {
    return std::visit([](const auto& member) { return member.name(); }, member_);
  }

 private:
  Member member_;
};

static_assert(Objective<AnyObjective>, "AnyObjective does not satisfy Objective");

}  // namespace draftp

#endif  // DRAFTP_TRAIN_ANY_OBJECTIVE_H_
