// Sums of gradients by parameter, whole and by ranges.
#include "draftp/objective/gradient_sink.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsEqualTo;

struct NeverFinishes {
  void Add(std::size_t, std::vector<at::Tensor>);
};
struct TakesOneTensor {
  void Add(std::size_t, at::Tensor);
  void Finish();
};
static_assert(!GradientSink<NeverFinishes>);
static_assert(!GradientSink<TakesOneTensor>);

at::Tensor Filled(double value) { return at::full({2}, value, at::kDouble); }

TEST(GradientSum, RangesInAnyOrderAreTheWhole) {
  GradientSum sum;
  sum.Add(2, {Filled(3)});
  sum.Add(0, {Filled(1), Filled(2)});
  sum.Finish();
  sum.Add(0, {Filled(10), {}, Filled(30)});
  sum.Finish();
  const std::vector<at::Tensor> gradients = sum.Take();
  ASSERT_EQ(gradients.size(), 3u);
  EXPECT_THAT(gradients[0], IsEqualTo(Filled(11)));
  EXPECT_THAT(gradients[1], IsEqualTo(Filled(2)));
  EXPECT_THAT(gradients[2], IsEqualTo(Filled(33)));
  EXPECT_TRUE(sum.Take().empty());
}

TEST(GradientSum, LeavesUndefinedWhatNeverCame) {
  GradientSum sum;
  sum.Add(1, {Filled(1)});
  EXPECT_FALSE(sum.Take()[0].defined());
}

TEST(GradientSinkRef, HandsOnToItsSink) {
  GradientSum sum;
  GradientSinkRef by_reference(sum);
  by_reference.Add(0, {Filled(4)});
  by_reference.Finish();
  EXPECT_THAT(sum.Take()[0], IsEqualTo(Filled(4)));
}

}  // namespace
}  // namespace draftp
