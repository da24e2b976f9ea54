// The list of guiders by name, and the ranges of their options.
#include "draftp/sampling/any_guider.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <string>
#include <utility>

namespace draftp {
namespace {

constexpr Registry kRegistry(Alternatives<AnyGuider::Member, GuidanceOptions>::kMembers);

absl::Status Validate(const GuidanceOptions& o) {
  const auto fault = [](const char* option, double found, const char* expected) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": found ", found, ", expected ", expected));
  };
  if (!std::isfinite(o.scale)) return fault("guidance_scale", o.scale, "a finite number");
  for (const auto& [option, part] :
       {std::pair("guidance_rescale", o.rescale), {"guidance_parallel", o.parallel}}) {
    if (!(part >= 0 && part <= 1)) return fault(option, part, "a number in [0, 1]");
  }
  if (!(o.norm >= 0)) return fault("guidance_norm", o.norm, "a number >= 0");
  if (o.interval_lo <= o.interval_hi) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("guidance_interval: found [", o.interval_lo, ", ",
                                                 o.interval_hi,
                                                 "], expected two sigmas, the lower first"));
}

}  // namespace

const Registry<AnyGuider::Member, GuidanceOptions>& AnyGuider::Members() { return kRegistry; }

absl::StatusOr<AnyGuider> AnyGuider::Named(std::string_view name, const GuidanceOptions& options) {
  const auto* const member = kRegistry.Find(name);
  if (member == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("guider: found '",
                                                   absl::string_view(name.data(), name.size()),
                                                   "', expected one of ", kRegistry.List()));
  }
  if (absl::Status status = Validate(options); !status.ok()) return status;
  const bool guides = options.scale != 0.0 && options.scale != 1.0;
  return AnyGuider(member->name, options,
                   guides ? member->make(options) : Member(ClassifierFreeGuider(1.0)));
}

AnyGuider::AnyGuider(std::string_view name, const GuidanceOptions& options, const Member& member)
    : name_(name),
      options_(options),
      guider_(options.rescale,
              IntervalGuider(options.interval_lo, options.interval_hi, Chosen{member})) {}

AnyGuider AnyGuider::WithScale(double scale) const {
  GuidanceOptions options = options_;
  options.scale = scale;
  auto guider = Named(name_, options);
  TORCH_CHECK(guider.ok(), std::string(guider.status().message()));
  return *std::move(guider);
}

std::span<const Condition> AnyGuider::Chosen::Conditions(const StepContext& step) const {
  return std::visit([&](const auto& guider) { return guider.Conditions(step); }, member);
}

at::Tensor AnyGuider::Chosen::Combine(const StepContext& step,
                                      std::span<const at::Tensor> predictions) const {
  return std::visit([&](const auto& guider) { return guider.Combine(step, predictions); }, member);
}

}  // namespace draftp
