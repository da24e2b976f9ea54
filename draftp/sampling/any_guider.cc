// Which guider the options ask for.
#include "draftp/sampling/any_guider.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <string>
#include <utility>

namespace draftp {

absl::StatusOr<AnyGuider> AnyGuider::Make(const GuidanceOptions& options) {
  if (!std::isfinite(options.scale)) {
    return absl::InvalidArgumentError(
        absl::StrCat("guidance_scale: found ", options.scale, ", expected a finite number"));
  }
  if (!(options.rescale >= 0 && options.rescale <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("guidance_rescale: found ", options.rescale, ", expected a number in [0, 1]"));
  }
  if (!(options.interval_lo <= options.interval_hi)) {
    return absl::InvalidArgumentError(absl::StrCat("guidance_interval: found [",
                                                   options.interval_lo, ", ", options.interval_hi,
                                                   "], expected two sigmas, the lower first"));
  }
  const auto made = [&](const Member& member) { return AnyGuider(options, member); };
  if (options.scale == 0.0 || options.scale == 1.0) return made(IdentityGuider());
  const ClassifierFreeGuider plain(options.scale);
  const IntervalGuider<ClassifierFreeGuider> interval(options.interval_lo, options.interval_hi,
                                                      plain);
  const bool everywhere = options.interval_lo <= 0 && std::isinf(options.interval_hi);
  if (options.rescale == 0) return everywhere ? made(plain) : made(interval);
  return everywhere ? made(RescaleGuider(options.rescale, plain))
                    : made(RescaleGuider(options.rescale, interval));
}

AnyGuider AnyGuider::WithScale(double scale) const {
  GuidanceOptions options = options_;
  options.scale = scale;
  auto guider = Make(options);
  TORCH_CHECK(guider.ok(), std::string(guider.status().message()));
  return *std::move(guider);
}

std::span<const Condition> AnyGuider::Conditions(const StepContext& step) const {
  return std::visit([&](const auto& member) { return member.Conditions(step); }, member_);
}

at::Tensor AnyGuider::Combine(const StepContext& step,
                              std::span<const at::Tensor> predictions) const {
  return std::visit([&](const auto& member) { return member.Combine(step, predictions); }, member_);
}

}  // namespace draftp
