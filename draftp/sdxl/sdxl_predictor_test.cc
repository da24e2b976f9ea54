#include "draftp/sdxl/sdxl_predictor.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include "draftp/adapter/lora_file.h"
#include "draftp/model/unet_adapter.h"
#include "draftp/model/unet_prepare.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using testing::IsCloseTo;

constexpr int64_t kBatch = 2;

// The tiny UNet in float64 with its LoRA in slot 0.
const UNet& TinyUNet() {
  static const UNet unet = [] {
    auto loaded = UNet::Load("testdata/tiny_sdxl/unet", {at::kCPU, at::kDouble});
    TORCH_CHECK(loaded.ok(), std::string(loaded.status().message()));
    TORCH_CHECK(AttachLora(*loaded, *ReadLoraFile("testdata/tiny_sdxl/lora"), 0).ok(), "no LoRA");
    return *std::move(loaded);
  }();
  return unet;
}

Conditioning RandomConditioning(int64_t batch) {
  const auto options = at::TensorOptions().dtype(at::kDouble);
  return {at::randn({batch, 77, 192}, options), at::randn({batch, 128}, options),
          at::full({batch, 6}, 128.0, at::kFloat)};
}

class SdxlPredictorTest : public ::testing::Test {
 protected:
  SdxlPredictorTest() : uncond_(RandomConditioning(kBatch)), cond_(RandomConditioning(kBatch)) {
    predictor_.SetConditioning(uncond_, cond_);
  }
  // One model under one condition, by itself.
  at::Tensor Alone(const UNet& unet, const Conditioning& condition, const AdapterRows& rows) const {
    const Prepared prepared =
        Prepare(unet, {condition.context, condition.pooled, condition.time_ids}, rows);
    return UNetForward(unet, x_, at::full({}, 500.0, at::kFloat), prepared, rows);
  }

  const at::NoGradGuard no_grad_;
  UNet other_ = MergeLora(TinyUNet(), 0);  // a network of its own, as --tuned gives
  at::Tensor x_ = at::randn({kBatch, 4, 16, 16}, at::kDouble);
  Conditioning uncond_, cond_;
  SdxlPredictor predictor_{{{&TinyUNet()}, {&TinyUNet(), {{.slot = 0, .scale = 0.5}}}, {&other_}}};
};

TEST_F(SdxlPredictorTest, RowsOfOneNetworkCarryTheirOwnAdapterAndCondition) {
  const std::vector<RowGroup> rows = {{0, Condition::kUnconditional},
                                      {0, Condition::kConditional},
                                      {1, Condition::kUnconditional},
                                      {1, Condition::kConditional}};
  const at::Tensor expected = at::cat({Alone(TinyUNet(), uncond_, {}), Alone(TinyUNet(), cond_, {}),
                                       Alone(TinyUNet(), uncond_, OnAllRows(0, 0.5)),
                                       Alone(TinyUNet(), cond_, OnAllRows(0, 0.5))});
  EXPECT_THAT(predictor_(x_, 500, rows), IsCloseTo(expected, 1e-12));
}

// Their attention to the prompt isn't computed, and they stand first in the network's batch.
TEST_F(SdxlPredictorTest, PromptsOfZerosGiveWhatTheyGiveComputed) {
  uncond_.context.zero_();
  predictor_.SetConditioning(uncond_, cond_);
  const std::vector<RowGroup> four = {{1, Condition::kConditional},
                                      {0, Condition::kUnconditional},
                                      {1, Condition::kUnconditional},
                                      {0, Condition::kConditional}};
  const std::vector<RowGroup> two = {{2, Condition::kConditional}, {2, Condition::kUnconditional}};
  for (const auto& rows : {four, two}) {
    uncond_.zero_context = false;
    predictor_.SetConditioning(uncond_, cond_);
    const at::Tensor computed = predictor_(x_, 500, rows);
    uncond_.zero_context = true;
    predictor_.SetConditioning(uncond_, cond_);
    EXPECT_THAT(predictor_(x_, 500, rows), IsCloseTo(computed, 1e-12));
    const at::AutoGradMode grad(true);
    EXPECT_THAT(predictor_(x_, 500, rows), IsCloseTo(computed, 1e-12));
  }
}

TEST_F(SdxlPredictorTest, TwoNetworksAnswerInTheOrderAsked) {
  const std::vector<RowGroup> rows = {{2, Condition::kConditional}, {0, Condition::kConditional}};
  EXPECT_THAT(predictor_(x_, 500, rows),
              IsCloseTo(at::cat({Alone(other_, cond_, {}), Alone(TinyUNet(), cond_, {})}), 1e-12));
}

TEST_F(SdxlPredictorTest, ANewBatchReplacesTheOldOne) {
  const std::vector<RowGroup> rows = {{1, Condition::kConditional}};
  predictor_(x_, 500, rows);
  cond_ = RandomConditioning(kBatch);
  predictor_.SetConditioning(uncond_, cond_);
  EXPECT_THAT(predictor_(x_, 500, rows),
              IsCloseTo(Alone(TinyUNet(), cond_, OnAllRows(0, 0.5)), 1e-12));
  x_ = x_.narrow(0, 0, 1);
  cond_ = RandomConditioning(1);
  predictor_.SetConditioning(RandomConditioning(1), cond_);
  EXPECT_THAT(predictor_(x_, 500, rows),
              IsCloseTo(Alone(TinyUNet(), cond_, OnAllRows(0, 0.5)), 1e-12));
}

TEST_F(SdxlPredictorTest, CountsTheRowsThatNetworksSee) {
  predictor_(x_, 500, std::vector<RowGroup>{{0, Condition::kConditional}});
  predictor_(x_, 500,
             std::vector<RowGroup>{{0, Condition::kUnconditional}, {1, Condition::kConditional}});
  EXPECT_EQ(predictor_.network_rows(), kBatch * 3);
}

TEST_F(SdxlPredictorTest, IsTheSameUnderGradModeAndDifferentiable) {
  const std::vector<RowGroup> rows = {{1, Condition::kConditional}};
  const at::Tensor without = predictor_(x_, 500, rows);
  const at::AutoGradMode grad(true);
  at::Tensor x = x_.clone().requires_grad_();
  const at::Tensor with = predictor_(x, 500, rows);
  EXPECT_THAT(with, IsCloseTo(without, 1e-12));
  with.sum().backward();
  EXPECT_GT(x.grad().abs().max().item<double>(), 0);
}

TEST_F(SdxlPredictorTest, AGuardMakesTheTunedModelTheBase) {
  const std::vector<RowGroup> tuned = {{1, Condition::kUnconditional},
                                       {1, Condition::kConditional}};
  const std::vector<RowGroup> base = {{0, Condition::kUnconditional}, {0, Condition::kConditional}};
  for (const bool gradient : {false, true}) {
    const at::AutoGradMode mode(gradient);
    const at::Tensor before = predictor_(x_, 500, tuned).detach();
    {
      const AdapterGuard guard(predictor_.adapters());
      EXPECT_THAT(predictor_(x_, 500, tuned).detach(),
                  testing::IsEqualTo(predictor_(x_, 500, base).detach()));
    }
    EXPECT_THAT(predictor_(x_, 500, tuned).detach(), testing::IsEqualTo(before));
    EXPECT_GT(testing::RelativeError(before, predictor_(x_, 500, base).detach()), 1e-3);
  }
}

TEST_F(SdxlPredictorTest, AGuardScalesAnAdapter) {
  const InlineAdapterGuard guard(predictor_.adapters(), OnAllRows(0, 0.6));
  EXPECT_THAT(predictor_(x_, 500, std::vector<RowGroup>{{1, Condition::kConditional}}),
              IsCloseTo(Alone(TinyUNet(), cond_, OnAllRows(0, 0.3)), 1e-12));
}

TEST_F(SdxlPredictorTest, RefusesAdaptersOnSomeRows) {
  const InlineAdapterGuard guard(predictor_.adapters(), AdapterRows{{0, 0, 1}});
  EXPECT_ANY_THROW(predictor_(x_, 500, std::vector<RowGroup>{{1, Condition::kConditional}}));
}

}  // namespace
}  // namespace draftp
