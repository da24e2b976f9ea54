// Models of the concept NoiseSource, good and bad.
#include "draftp/sampling/noise_source.h"

#include <gtest/gtest.h>

#include "draftp/sampling/sampler.h"

namespace draftp::testing {
namespace {

struct OnlyInitial {
  at::Tensor Initial(at::IntArrayRef sizes);
};
struct WritesInPlace {
  at::Tensor Initial(at::IntArrayRef sizes);
  void Like(at::Tensor& x);
};

TEST(NoiseSourceTest, ConceptNeedsStartAndContinuation) {
  static_assert(NoiseSource<internal::NoiseArchetype>);
  static_assert(!NoiseSource<OnlyInitial>);
  static_assert(!NoiseSource<WritesInPlace>);
}

}  // namespace
}  // namespace draftp::testing
