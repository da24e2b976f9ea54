#include "draftp/kernels/rgb8.h"

#include <ATen/ops/linspace.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

TEST(Rgb8Test, TruncatesAndClampsChannelLast) {
  // One pixel: red below range, green at 0.999 of full scale, blue above range.
  const at::Tensor decoded = at::tensor({-1.5f, 0.998f, 7.0f}).view({1, 3, 1, 1});
  const at::Tensor rgb = Rgb8(decoded);
  EXPECT_EQ(rgb.sizes(), (std::vector<int64_t>{1, 1, 1, 3}));
  EXPECT_EQ(rgb.const_data_ptr<uint8_t>()[0], 0);
  EXPECT_EQ(rgb.const_data_ptr<uint8_t>()[1], 254);  // 0.999 * 255 = 254.7
  EXPECT_EQ(rgb.const_data_ptr<uint8_t>()[2], 255);
}

TEST(Rgb8Test, FollowsTheFormulaAtEveryPixelOfAnyMemoryFormat) {
  const at::Tensor decoded = (at::rand({2, 3, 5, 7}) * 3 - 1.5).to(at::MemoryFormat::ChannelsLast);
  const at::Tensor rgb = Rgb8(decoded);
  for (int b = 0; b < 2; ++b)
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < 5; ++y)
        for (int x = 0; x < 7; ++x) {
          const float value = decoded[b][c][y][x].item<float>();
          const float expected = std::clamp((value + 1.0f) / 2.0f, 0.0f, 1.0f) * 255.0f;
          EXPECT_EQ(rgb[b][y][x][c].item<int>(), static_cast<int>(expected));
        }
}

TEST(Rgb8Test, RejectsAnotherShapeOrDtype) {
  EXPECT_THROW(Rgb8(at::rand({1, 4, 2, 2})), c10::Error);
  EXPECT_THROW(Rgb8(at::rand({1, 3, 2, 2}, at::kDouble)), c10::Error);
}

}  // namespace
}  // namespace draftp
