// The training objective that a run's settings name, chosen at run time.
#ifndef DRAFTP_OBJECTIVE_ANY_OBJECTIVE_H_
#define DRAFTP_OBJECTIVE_ANY_OBJECTIVE_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "draftp/objective/align_prop.h"
#include "draftp/objective/draft_k.h"
#include "draftp/objective/draft_lv.h"
#include "draftp/objective/drtune.h"
#include "draftp/objective/objective.h"
#include "draftp/objective/objective_options.h"
#include "draftp/objective/refl.h"
#include "draftp/schedule/registry.h"

namespace draftp {

class AnyObjective {
 public:
  // The members: a new one is a line here.
  using Member = std::variant<DraftK, DraftLv, AlignProp, Refl, DrTune>;
  explicit AnyObjective(Member member) : member_(std::move(member)) {}

  // `name`: one of Names(). InvalidArgument lists them for another, and names an option that is out
  // of range by its flag.
  static absl::StatusOr<AnyObjective> Named(std::string_view name, const ObjectiveOptions& options);
  // draft_k, draft_lv, alignprop, refl, drtune; with the options that each takes.
  static const Registry<Member, ObjectiveOptions>& Members();
  static std::vector<std::string> Names() { return Members().Names(); }

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

#endif  // DRAFTP_OBJECTIVE_ANY_OBJECTIVE_H_
