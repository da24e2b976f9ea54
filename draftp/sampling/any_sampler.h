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

#include "draftp/sampling/ancestral_split.h"
#include "draftp/sampling/churn.h"
#include "draftp/sampling/denoiser.h"
#include "draftp/sampling/dpmpp_2m.h"
#include "draftp/sampling/dpmpp_2s_ancestral.h"
#include "draftp/sampling/euler_ancestral.h"
#include "draftp/sampling/euler_edm.h"
#include "draftp/sampling/heun_edm.h"
#include "draftp/sampling/linear_multistep.h"
#include "draftp/sampling/noise_source.h"
#include "draftp/sampling/sampler.h"
#include "draftp/schedule/step_context.h"

namespace draftp {

// The options of all samplers; each takes its own.
struct SamplerOptions {
  double s_churn = 0.0;   // euler, heun
  double s_tmin = 0.0;    // euler, heun; sigma
  double s_tmax = 999.0;  // euler, heun; sigma
  double s_noise = 1.0;   // euler, heun, euler_ancestral, dpmpp_2s
  double eta = 1.0;       // euler_ancestral, dpmpp_2s
  int order = 4;          // lms
};

class AnySampler {
 public:
  using Member =
      std::variant<EulerEdm, HeunEdm, EulerAncestral, Dpmpp2sAncestral, Dpmpp2m, LinearMultistep>;
  explicit AnySampler(Member member) : member_(std::move(member)) {}

  // `name`: one of Names(). InvalidArgument lists them for another name, and names an option that
  // is out of range.
  static absl::StatusOr<AnySampler> Named(std::string_view name,
                                          const SamplerOptions& options = {});
  // euler, heun, euler_ancestral, dpmpp_2s, dpmpp_2m, lms.
  static std::vector<std::string> Names();

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

 private:
  Member member_;
};

static_assert(Sampler<AnySampler>, "AnySampler does not satisfy Sampler");

}  // namespace draftp

#endif  // DRAFTP_SAMPLING_ANY_SAMPLER_H_
