#include "draftp/model/latent_image.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <limits>

#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsEqualTo;

TEST(LatentImageTest, TruncatesTowardsZero) {
  const at::Tensor image = at::tensor({0.0, 0.999, 254.999}, at::kFloat).view({1, 3, 1, 1});
  const at::Tensor expected = at::tensor({0, 0, 254}, at::kByte).view({1, 1, 1, 3});
  EXPECT_THAT(TruncateToRgb8(image), IsEqualTo(expected));
  EXPECT_EQ(TruncateToRgb8(at::full({1, 3, 1, 1}, 255.0)).max().item<int>(), 255);
}

TEST(LatentImageTest, PutsChannelsLastRowByRow) {
  at::Tensor image = at::zeros({1, 3, 2, 2});
  image[0][1][0][1] = 7;  // green of row 0, column 1
  const at::Tensor bytes = TruncateToRgb8(image);
  ASSERT_EQ(bytes.sizes(), at::IntArrayRef({1, 2, 2, 3}));
  EXPECT_EQ(bytes.const_data_ptr<uint8_t>()[1 * 3 + 1], 7);
  EXPECT_EQ(bytes.sum().item<int64_t>(), 7);
}

TEST(LatentImageTest, MemoryIsThePictureEvenForChannelsLastImages) {
  const at::Tensor image = at::full({2, 3, 4, 5}, 9.5).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(TruncateToRgb8(image).is_contiguous());
}

TEST(LatentImageTest, RejectsValuesThatAreNoPixels) {
  EXPECT_THROW(TruncateToRgb8(at::full({1, 3, 1, 1}, 255.5)), c10::Error);
  EXPECT_THROW(TruncateToRgb8(at::full({1, 3, 1, 1}, -0.5)), c10::Error);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(TruncateToRgb8(at::full({1, 3, 1, 1}, nan)), c10::Error);
  EXPECT_THROW(TruncateToRgb8(at::zeros({3, 1, 1})), c10::Error);
}

}  // namespace
}  // namespace draftp
