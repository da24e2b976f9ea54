#include "draftp/model/unet_blocks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/model/unet_fixture.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

// The generator's inputs for blocks of the embedded model: 8 pixels a side at the top, two rows.
class UNetBlocksTest : public ::testing::Test {
 protected:
  UNetBlocksTest()
      : unet_(TinyUNet(at::kDouble)), prompt_{.context = Context(unet_, 2), .keys_values = {}} {}

  BlockInputs Inputs() const {
    return {.activated_time = time_, .prompt = prompt_, .rows = rows_, .pieces = pieces_};
  }

  const UNet unet_;
  const Prompt prompt_;
  const AdapterRows rows_;
  const AnyPiecePolicy pieces_;
  const at::Tensor time_ = Silu(HashTensor("block_time", {2, 256}));
};

TEST_F(UNetBlocksTest, DownBlocksEqualDiffusers) {
  for (size_t i = 0; i < unet_.down_blocks.size(); ++i) {
    const std::string name = "down_blocks." + std::to_string(i);
    const UNetBlockWeights& block = unet_.down_blocks[i];
    const int64_t in = block.resnets[0].norm1.weight.size(0), side = 8 >> i;
    std::vector<at::Tensor> skips;
    const at::Tensor out = DownBlock(HashTensor(name, {2, in, side, side}), block, Inputs(), skips);
    EXPECT_THAT(out, IsCloseTo(Golden("unet_tiny", name), 1e-9)) << name;
    ASSERT_EQ(skips.size(), block.resampler ? 3u : 2u);
    for (int j = 0; j < (block.resampler ? 2 : 1); ++j) {
      EXPECT_THAT(skips[j].mean(at::IntArrayRef({2, 3})),
                  IsCloseTo(Golden("unet_tiny", name + ".mean_of_skip." + std::to_string(j)), 1e-9))
          << name << " skip " << j;
    }
    EXPECT_TRUE(skips.back().is_same(out));
  }
}

TEST_F(UNetBlocksTest, MidBlockEqualsDiffusers) {
  const at::Tensor out =
      MidBlock(HashTensor("mid_block", {2, 128, 2, 2}), unet_.mid_block, Inputs());
  EXPECT_THAT(out, IsCloseTo(Golden("unet_tiny", "mid_block"), 1e-9));
}

TEST_F(UNetBlocksTest, UpBlocksEqualDiffusers) {
  for (size_t i = 0; i < unet_.up_blocks.size(); ++i) {
    const std::string name = "up_blocks." + std::to_string(i);
    const UNetBlockWeights& block = unet_.up_blocks[i];
    const int64_t side = 2 << i, out_channels = block.resnets[0].norm2.weight.size(0);
    const int64_t below = i == 0 ? 128 : unet_.up_blocks[i - 1].resnets[0].norm2.weight.size(0);
    std::vector<at::Tensor> skips;
    for (size_t j = block.resnets.size(); j-- > 0;) {
      const int64_t width = block.resnets[j].norm1.weight.size(0) - (j == 0 ? below : out_channels);
      skips.push_back(HashTensor(name + ".skip." + std::to_string(j), {2, width, side, side}));
    }
    const at::Tensor out =
        UpBlock(HashTensor(name, {2, below, side, side}), block, Inputs(), skips);
    EXPECT_THAT(out, IsCloseTo(Golden("unet_tiny", name), 1e-9)) << name;
    EXPECT_TRUE(skips.empty());
  }
}

TEST_F(UNetBlocksTest, UpBlockResizesToTheNextSkip) {
  const UNetBlockWeights& block = unet_.up_blocks[0];
  std::vector<at::Tensor> skips{HashTensor("next", {2, 96, 5, 3}), HashTensor("a", {2, 96, 3, 2}),
                                HashTensor("b", {2, 128, 3, 2}), HashTensor("c", {2, 128, 3, 2})};
  const at::Tensor out = UpBlock(HashTensor("x", {2, 128, 3, 2}), block, Inputs(), skips);
  EXPECT_EQ(out.sizes(), at::IntArrayRef({2, 128, 5, 3}));
}

TEST_F(UNetBlocksTest, RejectsTooFewSkips) {
  std::vector<at::Tensor> skips;
  EXPECT_THROW(UpBlock(HashTensor("x", {2, 128, 2, 2}), unet_.up_blocks[0], Inputs(), skips),
               c10::Error);
}

}  // namespace
}  // namespace draftp::testing
