// The one table of sampler names.
#include "draftp/sampling/any_sampler.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/string_view.h>

#include <array>
#include <cmath>
#include <utility>

namespace draftp {
namespace {

Churn ChurnOf(const SamplerOptions& o) { return {o.s_churn, o.s_tmin, o.s_tmax, o.s_noise}; }
Ancestral AncestralOf(const SamplerOptions& o) { return {o.eta, o.s_noise}; }

struct Entry {
  std::string_view name;
  AnySampler::Member (*make)(const SamplerOptions&);
};

constexpr std::array<Entry, 6> kSamplers = {{
    {"euler", [](const SamplerOptions& o) -> AnySampler::Member { return EulerEdm(ChurnOf(o)); }},
    {"heun", [](const SamplerOptions& o) -> AnySampler::Member { return HeunEdm(ChurnOf(o)); }},
    {"euler_ancestral",
     [](const SamplerOptions& o) -> AnySampler::Member { return EulerAncestral(AncestralOf(o)); }},
    {"dpmpp_2s",
     [](const SamplerOptions& o) -> AnySampler::Member {
       return Dpmpp2sAncestral(AncestralOf(o));
     }},
    {"dpmpp_2m", [](const SamplerOptions&) -> AnySampler::Member { return Dpmpp2m(); }},
    {"lms", [](const SamplerOptions& o) -> AnySampler::Member { return LinearMultistep(o.order); }},
}};

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
  if (o.order < 1 || o.order > kMaxOrder) {
    return absl::InvalidArgumentError(
        absl::StrCat("sampler option order: found ", o.order, ", expected 1 to ", kMaxOrder));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> AnySampler::Names() {
  std::vector<std::string> names;
  for (const Entry& entry : kSamplers) names.emplace_back(entry.name);
  return names;
}

absl::StatusOr<AnySampler> AnySampler::Named(std::string_view name, const SamplerOptions& options) {
  for (const Entry& entry : kSamplers) {
    if (entry.name != name) continue;
    if (absl::Status status = Validate(options); !status.ok()) return status;
    return AnySampler(entry.make(options));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("sampler: found '", absl::string_view(name.data(), name.size()),
                   "', expected one of ", absl::StrJoin(Names(), ", ")));
}

}  // namespace draftp
