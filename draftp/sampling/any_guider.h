// The guider that a run's settings name, chosen at run time.
#ifndef DRAFTP_SAMPLING_ANY_GUIDER_H_
#define DRAFTP_SAMPLING_ANY_GUIDER_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <span>
#include <string_view>
#include <variant>

#include "draftp/sampling/guidance_options.h"
#include "draftp/sampling/guider.h"
#include "draftp/sampling/guiders.h"
#include "draftp/schedule/registry.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

class AnyGuider {
 public:
  // The members: a new one is a line here.
  using Member = std::variant<ClassifierFreeGuider, ProjectedGuider>;

  // `name`: one of Members(), inside the options' interval and rescaled as they say. Scales of 0
  // and 1 are the conditional estimate alone. InvalidArgument lists the members for another name,
  // and names the option that is out of range.
  static absl::StatusOr<AnyGuider> Named(std::string_view name,
                                         const GuidanceOptions& options = {});
  // classifier_free, projected; with the options that each takes and the original's classes.
  static const Registry<Member, GuidanceOptions>& Members();

  std::span<const Condition> Conditions(const StepContext& step) const {
    return guider_.Conditions(step);
  }
  at::Tensor Combine(const StepContext& step, std::span<const at::Tensor> predictions) const {
    return guider_.Combine(step, predictions);
  }

  // That of the same name and options with another scale, which is finite.
  AnyGuider WithScale(double scale) const;

 private:
  struct Chosen {
    Member member;

    std::span<const Condition> Conditions(const StepContext& step) const;
    at::Tensor Combine(const StepContext& step, std::span<const at::Tensor> predictions) const;
  };

  AnyGuider(std::string_view name, const GuidanceOptions& options, const Member& member);

  std::string_view name_;  // the registry's
  GuidanceOptions options_;
  RescaleGuider<IntervalGuider<Chosen>> guider_;
};

static_assert(Guider<AnyGuider>, "AnyGuider does not satisfy Guider");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_ANY_GUIDER_H_
