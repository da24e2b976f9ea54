// Tests of the example of docs/add_a_sampler.md, and that the page shows this very code.
#include "draftp/sampling/dpm2_example.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <variant>

#include "draftp/sampling/analytic_denoiser.h"
#include "draftp/sampling/any_sampler.h"
#include "draftp/sampling/sampler_conformance.h"
#include "draftp/schedule/registry.h"
#include "draftp/testing/doc_examples.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

struct Dpm2Traits {
  static Dpm2 Default() { return Dpm2(); }
  static Dpm2 Deterministic() { return Dpm2(); }
  static constexpr int kOrder = 2;
  static constexpr int kEvaluations = 2;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Dpm2, SamplerConformance, Dpm2Traits);

TEST(Dpm2Test, GoesByTheDerivativeAtTheMidpoint) {
  const BimodalDenoiser denoiser{1.5, 0.4};
  const at::Tensor x = at::linspace(-4, 5, 6, at::kDouble);
  const StepContext step{1, 3, 2.0, 1.1};
  const double middle = std::sqrt(2.0 * 1.1);
  const at::Tensor half = x + (middle - 2.0) * (x - denoiser(x, 2.0, step)) / 2.0;
  const at::Tensor d = (half - denoiser(half, middle, step)) / middle;
  ReplayNoise none;
  EXPECT_THAT(Dpm2().Step(denoiser, x, step, none), IsCloseTo(x + (1.1 - 2.0) * d, 1e-14));
}

TEST(Dpm2Test, IsMadeByItsNameAsAMember) {
  using Members = std::variant<EulerEdm<>, Dpm2>;
  constexpr Registry registry(Alternatives<Members, SamplerOptions>::kMembers);
  EXPECT_EQ(registry.List(), "euler, dpm_2");
  EXPECT_TRUE(std::holds_alternative<Dpm2>(registry.Find("dpm_2")->make({})));
  EXPECT_FALSE(registry.Takes("dpm_2", "eta"));
}

TEST(AddASamplerPage, ShowsCodeThatThisTestCompiles) {
  EXPECT_EQ(CountCompiledBlocks("docs/add_a_sampler.md", {"draftp/sampling/dpm2_example.h",
                                                          "draftp/sampling/dpm2_example_test.cc"}),
            2);
}

}  // namespace
}  // namespace draftp::testing
