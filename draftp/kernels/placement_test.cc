#include "draftp/kernels/placement.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(PlacementTest, ConvertsToItsDtype) {
  const at::Tensor half = at::ones({2}, at::kHalf);
  EXPECT_EQ(Place(half, {.device = at::kCPU, .dtype = at::kDouble}).scalar_type(), at::kDouble);
}

TEST(PlacementTest, CopiesNothingWhereNothingDiffers) {
  const at::Tensor ones = at::ones({2});
  EXPECT_EQ(Place(ones, {}).data_ptr(), ones.data_ptr());
}

}  // namespace
}  // namespace draftp
