#include "draftp/kernels/wide_attention.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>

#include "draftp/testing/tensor_matchers.h"

namespace draftp::kernels {
namespace {

// Whatever the rows at a time, against LibTorch's formula in float64.
TEST(WideAttentionTest, IsTheFormulaForAnyShareOfRows) {
  const at::Tensor q = at::randn({2, 10, 6}, at::kDouble), k = at::randn({2, 7, 6}, at::kDouble),
                   v = at::randn({2, 7, 6}, at::kDouble);
  const at::Tensor expected = at::scaled_dot_product_attention(q, k, v);
  for (const int64_t most : {1, 14, 3 * 14, 4 * 14 + 5, 10 * 14, 1'000'000})
    EXPECT_THAT(WideAttention(q, k, v, most), testing::IsCloseTo(expected, 1e-14)) << most;
}

TEST(WideAttentionTest, ServesNoCpu) {
  const at::Tensor q = at::randn({1, 4, 512});
  EXPECT_FALSE(WideAttentionServes(q, q, q, 1));
}

}  // namespace
}  // namespace draftp::kernels
