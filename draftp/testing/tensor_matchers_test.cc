#include "draftp/testing/tensor_matchers.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <limits>

namespace draftp::testing {
namespace {

using ::testing::Not;

TEST(TensorMatchersTest, AcceptsAnErrorWithinTheTolerance) {
  EXPECT_THAT(at::full({4}, 1.0 + 1e-6, at::kDouble),
              IsCloseTo(at::ones({4}, at::kDouble), 1.1e-6));
}

TEST(TensorMatchersTest, RejectsAnErrorBeyondTheTolerance) {
  EXPECT_THAT(at::full({4}, 1.0 + 1e-6, at::kDouble),
              Not(IsCloseTo(at::ones({4}, at::kDouble), 0.9e-6)));
}

TEST(TensorMatchersTest, RejectsNaNWhateverTheTolerance) {
  const auto nan = at::full({2}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(nan, Not(IsCloseTo(at::zeros({2}), std::numeric_limits<double>::max())));
}

TEST(TensorMatchersTest, RejectsAShapeThatWouldBroadcast) {
  EXPECT_THAT(at::ones({1}), Not(IsCloseTo(at::ones({3}), 1.0)));
  EXPECT_THAT(at::ones({1}), Not(IsEqualTo(at::ones({3}))));
}

TEST(TensorMatchersTest, EqualityNoticesDtypeAndOneBit) {
  EXPECT_THAT(at::ones({3}), IsEqualTo(at::ones({3})));
  EXPECT_THAT(at::ones({3}, at::kDouble), Not(IsEqualTo(at::ones({3}))));
  EXPECT_THAT(at::full({3}, 1.0f + 1.2e-7f), Not(IsEqualTo(at::ones({3}))));
}

TEST(TensorMatchersTest, ErrorAgainstZeroIsAbsolute) {
  EXPECT_DOUBLE_EQ(RelativeError(at::ones({4}, at::kDouble), at::zeros({4}, at::kDouble)), 2.0);
}

}  // namespace
}  // namespace draftp::testing
