// Tests of the decoder's blocks in bands against the same blocks whole.
#include "draftp/model/banded_blocks.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

#include "draftp/kernels/group_norm.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;

at::Tensor BandInput(at::IntArrayRef sizes, uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kDouble);
}

VaeDecoder TinyDecoder() {
  return VaeDecoder::Load("testdata/tiny_sdxl/vae", {.dtype = at::kDouble}).value();
}

// Heights that bands of 8 rows divide, and that they don't; a picture of fewer rows than a band.
TEST(BandedBlocksTest, TheDecodersPictureIsThatOfTheWhole) {
  const at::NoGradGuard no_grad;
  const VaeDecoder decoder = TinyDecoder();
  for (const auto& [height, width] : {std::pair(8, 8), {5, 11}, {13, 3}, {1, 1}}) {
    const at::Tensor z = BandInput({1, 4, height, width}, 3);
    const at::Tensor whole = DecodeRaw(decoder, z);
    for (const int64_t band : {1, 3000, 20'000}) {
      EXPECT_THAT(DecodeRaw(decoder, z, {.band = band}), IsCloseTo(whole, 1e-11))
          << height << "x" << width << ", " << band;
    }
  }
}

TEST(BandedBlocksTest, ABlockInBandsIsTheBlock) {
  const at::NoGradGuard no_grad;
  const VaeDecoder decoder = TinyDecoder();
  for (const VaeUpBlock& block : decoder.up_blocks) {
    const int64_t channels = block.resnets.front().conv1.weight.size(1);
    const at::Tensor x =
        BandInput({1, channels, 19, 7}, 5).contiguous(at::MemoryFormat::ChannelsLast);
    EXPECT_THAT(RunVaeUpBlockInBands(x.clone(), block, 1),
                IsCloseTo(RunVaeUpBlock(x, block), 1e-11));
  }
}

// Several pictures at once and gradients go the whole way.
TEST(BandedBlocksTest, BatchesAndGradientsAreNotCut) {
  const VaeDecoder decoder = TinyDecoder();
  const at::Tensor z = BandInput({2, 4, 6, 6}, 4);
  {
    const at::NoGradGuard no_grad;
    EXPECT_THAT(DecodeRaw(decoder, z, {.band = 1}), IsCloseTo(DecodeRaw(decoder, z), 0));
  }
  const at::Tensor leaf = z.narrow(0, 0, 1).clone().requires_grad_();
  const at::Tensor picture = DecodeRaw(decoder, leaf, {.band = 1});
  picture.sum().backward();
  EXPECT_GT(leaf.grad().abs().sum().item<double>(), 0);
}

TEST(GroupStatisticsTest, RowsNormalisedByThemAreRowsOfTheGroupNorm) {
  const at::Tensor x = BandInput({2, 12, 9, 5}, 6) * 3 + 100, weight = BandInput({12}, 7),
                   bias = BandInput({12}, 8);
  const at::Tensor expected = at::silu(at::group_norm(x, 3, weight, bias, 1e-6));
  const at::Tensor statistics = kernels::GroupStatistics(x, 3, 1e-6);
  EXPECT_THAT(kernels::NormaliseGroups(x.narrow(2, 2, 4), statistics, weight, bias, true),
              IsCloseTo(expected.narrow(2, 2, 4), 1e-11));
}

}  // namespace
}  // namespace draftp
