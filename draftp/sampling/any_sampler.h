// The sampler that a run's settings name, chosen at run time.
#ifndef DRAFTP_SAMPLING_ANY_SAMPLER_H_
#define DRAFTP_SAMPLING_ANY_SAMPLER_H_

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/dpmpp_2m.h"
#include "draftp/sampling/dpmpp_2s_ancestral.h"
#include "draftp/sampling/euler_ancestral.h"
#include "draftp/sampling/euler_edm.h"
#include "draftp/sampling/few_step.h"
#include "draftp/sampling/heun_edm.h"
#include "draftp/sampling/linear_multistep.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/sampling/sampler_options.h"
#include "draftp/schedule/registry.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

class AnySampler {
 public:
  // The members: a new one is a line here.
  using Member = std::variant<EulerEdm<>, HeunEdm<>, EulerAncestral<>, Dpmpp2sAncestral<>,
                              Dpmpp2m<>, LinearMultistep<>, Lcm, Tcd>;
  explicit AnySampler(Member member) : member_(std::move(member)) {}

  // `name`: one of Names(). InvalidArgument lists them for another name, and names an option that
  // is out of range.
  static absl::StatusOr<AnySampler> Named(std::string_view name,
                                          const SamplerOptions& options = {});
  // euler, heun, euler_ancestral, dpmpp_2s, dpmpp_2m, lms, lcm, tcd; with the options that each
  // takes and the original's classes.
  static const Registry<Member, SamplerOptions>& Members();
  static std::vector<std::string> Names() { return Members().Names(); }

  template <Denoiser D, NoiseSource N>
  at::Tensor Step(D& denoiser, const at::Tensor& x, const StepContext& step, N& noise) {
    return std::visit(
        [&](auto& member) -> at::Tensor { return member.Step(denoiser, x, step, noise); }, member_);
  }
  void Reset() {
    std::visit([](auto& member) { member.Reset(); }, member_);
  }
  bool draws_noise() const {
    return std::visit([](const auto& member) { return member.draws_noise(); }, member_);
  }
  int evaluations() const {
    return std::visit([](const auto& member) { return member.evaluations(); }, member_);
  }

 private:
  Member member_;
};

static_assert(Sampler<AnySampler>, "AnySampler does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_ANY_SAMPLER_H_
