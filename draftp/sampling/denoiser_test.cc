// Models of the concept Denoiser, good and bad.
#include "draftp/sampling/denoiser.h"

#include <gtest/gtest.h>

#include "draftp/sampling/sampler.h"

namespace draftp::testing {
namespace {

struct ReturnsNothing {
  void operator()(const at::Tensor& x, double sigma, const StepContext& step);
};
struct TakesNoStep {
  at::Tensor operator()(const at::Tensor& x, double sigma);
};

TEST(DenoiserTest, ConceptTakesTheWholeStepAndReturnsATensor) {
  static_assert(Denoiser<internal::DenoiserArchetype>);
  static_assert(!Denoiser<ReturnsNothing>);
  static_assert(!Denoiser<TakesNoStep>);
}

}  // namespace
}  // namespace draftp::testing
