// Models of the concept Sampler, good and bad.
#include "draftp/sampling/sampler.h"

#include <gtest/gtest.h>

#include "draftp/sampling/euler_edm.h"

namespace draftp::testing {
namespace {

struct NoReset {
  at::Tensor Step(internal::DenoiserArchetype&, const at::Tensor&, const StepContext&,
                  internal::NoiseArchetype&);
  bool draws_noise() const;
  int evaluations() const;
};
struct NoNoise {
  at::Tensor Step(internal::DenoiserArchetype&, const at::Tensor&, const StepContext&);
  void Reset();
  bool draws_noise() const;
  int evaluations() const;
};
struct HidesItsNoise {
  at::Tensor Step(internal::DenoiserArchetype&, const at::Tensor&, const StepContext&,
                  internal::NoiseArchetype&);
  void Reset();
  int evaluations() const;
};
struct HidesItsCost {
  at::Tensor Step(internal::DenoiserArchetype&, const at::Tensor&, const StepContext&,
                  internal::NoiseArchetype&);
  void Reset();
  bool draws_noise() const;
};
struct NotCopyable : EulerEdm<> {
  NotCopyable(const NotCopyable&) = delete;
};

TEST(SamplerTest, ConceptNeedsStepResetAndCopies) {
  static_assert(Sampler<EulerEdm<>>);
  static_assert(!Sampler<NoReset>);
  static_assert(!Sampler<NoNoise>);
  static_assert(!Sampler<HidesItsNoise>);
  static_assert(!Sampler<HidesItsCost>);
  static_assert(!Sampler<NotCopyable>);
}

}  // namespace
}  // namespace draftp::testing
