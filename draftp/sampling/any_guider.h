// The guider that a run's settings describe, chosen at run time.
#ifndef DRAFTP_SAMPLING_ANY_GUIDER_H_
#define DRAFTP_SAMPLING_ANY_GUIDER_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <limits>
#include <span>
#include <utility>
#include <variant>

#include "draftp/sampling/guider.h"
#include "draftp/sampling/guiders.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

struct GuidanceOptions {
  double scale = 5.0;        // s; 0 and 1: the conditional estimate, one row an image
  double interval_lo = 0.0;  // sigma
  double interval_hi = std::numeric_limits<double>::infinity();  // sigma
  double rescale = 0.0;                                          // phi in [0,1]
};

class AnyGuider {
 public:
  using Member =
      std::variant<IdentityGuider, ClassifierFreeGuider, IntervalGuider<ClassifierFreeGuider>,
                   RescaleGuider<ClassifierFreeGuider>,
                   RescaleGuider<IntervalGuider<ClassifierFreeGuider>>>;
  // The simplest member that does what the options ask for. InvalidArgument names the option that
  // is out of range.
  static absl::StatusOr<AnyGuider> Make(const GuidanceOptions& options);

  std::span<const Condition> Conditions(const StepContext& step) const;
  at::Tensor Combine(const StepContext& step, std::span<const at::Tensor> predictions) const;

  // That of the same options with another scale, which is finite.
  AnyGuider WithScale(double scale) const;

 private:
  AnyGuider(const GuidanceOptions& options, Member member)
      : options_(options), member_(std::move(member)) {}

  GuidanceOptions options_;
  Member member_;
};

static_assert(Guider<AnyGuider>, "AnyGuider does not satisfy Guider");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_ANY_GUIDER_H_
