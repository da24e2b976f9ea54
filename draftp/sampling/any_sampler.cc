// The list of samplers by name, and the ranges of their options.
#include "draftp/sampling/any_sampler.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <array>
#include <cmath>
#include <utility>

namespace draftp {
namespace {

constexpr Registry kRegistry(Alternatives<AnySampler::Member, SamplerOptions>::kMembers);

// Beyond this the coefficients of Adams-Bashforth grow so that a run diverges.
constexpr int kMaxOrder = 8;

absl::Status Validate(const SamplerOptions& o) {
  const std::array<std::pair<std::string_view, double>, 4> non_negative = {
      {{"s_churn", o.s_churn}, {"s_tmin", o.s_tmin}, {"s_noise", o.s_noise}, {"eta", o.eta}}};
  for (const auto& [name, value] : non_negative) {
    if (std::isfinite(value) && value >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("sampler option ", absl::string_view(name.data(), name.size()), ": found ",
                     value, ", expected a finite number >= 0"));
  }
  if (!(o.s_tmax >= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("sampler option s_tmax: found ", o.s_tmax, ", expected a number >= 0 or inf"));
  }
  if (!(o.gamma >= 0 && o.gamma <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("sampler option gamma: found ", o.gamma, ", expected a number in [0, 1]"));
  }
  if (o.order < 1 || o.order > kMaxOrder) {
    return absl::InvalidArgumentError(
        absl::StrCat("sampler option order: found ", o.order, ", expected 1 to ", kMaxOrder));
  }
  return absl::OkStatus();
}

}  // namespace

const Registry<AnySampler::Member, SamplerOptions>& AnySampler::Members() { return kRegistry; }

absl::StatusOr<AnySampler> AnySampler::Named(std::string_view name, const SamplerOptions& options) {
  if (const auto* const member = kRegistry.Find(name)) {
    if (absl::Status status = Validate(options); !status.ok()) return status;
    return AnySampler(member->make(options));
  }
  return absl::InvalidArgumentError(absl::StrCat("sampler: found '",
                                                 absl::string_view(name.data(), name.size()),
                                                 "', expected one of ", kRegistry.List()));
}

}  // namespace draftp
