#include "draftp/model/resnet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "draftp/model/unet_fixture.h"
#include "draftp/model/visit_weights.h"
#include "draftp/testing/hash_tensor.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp::testing {
namespace {

ResnetWeights Block(int64_t in, int64_t out, const ResnetOptions& options) {
  ResnetWeights block = ResnetSkeleton(in, out, options);
  VisitWeights("block", block, FormulaWeights(OnCpu(at::kDouble)));
  return block;
}

const ResnetOptions kTimed{.time_channels = 6, .groups = 2};

TEST(ResnetTest, OneTimeServesTheBatchAsItsCopiesWould) {
  const ResnetWeights block = Block(4, 8, kTimed);
  const at::Tensor x = HashTensor("x", {3, 4, 5, 5}), time = HashTensor("t", {1, 6});
  const at::Tensor y = Resnet(x, time, block);
  EXPECT_EQ(y.sizes(), at::IntArrayRef({3, 8, 5, 5}));
  EXPECT_THAT(y, IsCloseTo(Resnet(x, time.expand({3, 6}), block), 1e-14));
}

TEST(ResnetTest, AnAdapterOfTheTimeProjectionActsOnItsRows) {
  ResnetWeights block = Block(4, 4, kTimed);
  SetLora(block.time_emb_proj->adapters, 0,
          {.a = HashTensor("a", {2, 6}), .b = HashTensor("b", {4, 2})});
  const at::Tensor x = HashTensor("x", {3, 4, 5, 5}), time = HashTensor("t", {1, 6});
  const at::Tensor mixed = Resnet(x, time, block, {{.adapter = 0, .begin = 1, .end = 2}});
  EXPECT_THAT(mixed[0], IsCloseTo(Resnet(x, time, block)[0], 1e-14));
  EXPECT_THAT(mixed[1], IsCloseTo(Resnet(x, time, block, OnAllRows(0))[1], 1e-14));
  EXPECT_GT(RelativeError(mixed[1], Resnet(x, time, block)[1]), 1e-3);
}

// A zero second convolution leaves the shortcut: x itself, divided by the scale.
TEST(ResnetTest, DividesTheSumByItsScale) {
  ResnetWeights block = Block(4, 4, {.time_channels = 0, .groups = 2, .output_scale = 2.0});
  block.conv2.weight = at::zeros({4, 4, 3, 3}, at::kDouble);
  block.conv2.bias = at::zeros({4}, at::kDouble);
  const at::Tensor x = HashTensor("x", {3, 4, 5, 5});
  EXPECT_FALSE(block.conv_shortcut || block.time_emb_proj);
  EXPECT_THAT(Resnet(x, {}, block), IsCloseTo(x / 2, 1e-15));
}

TEST(ResnetTest, ScaleAndShiftOfZeroTimeChangeNothing) {
  ResnetOptions options = kTimed;
  ResnetWeights plain = Block(4, 4, options);
  options.scale_shift = true;
  ResnetWeights modulated = Block(4, 4, options);
  EXPECT_EQ(modulated.time_emb_proj->weight.size(0), 8);
  plain.time_emb_proj->bias = at::zeros({4}, at::kDouble);
  modulated.time_emb_proj->bias = at::zeros({8}, at::kDouble);
  const at::Tensor x = HashTensor("x", {3, 4, 5, 5}), time = at::zeros({1, 6}, at::kDouble);
  EXPECT_THAT(Resnet(x, time, modulated), IsCloseTo(Resnet(x, time, plain), 1e-14));
}

}  // namespace
}  // namespace draftp::testing
