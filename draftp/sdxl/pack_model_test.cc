#include "draftp/sdxl/pack_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "draftp/kernels/cpu/thread_pool.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

// Before the threads start, for all tests of this program: rows are split among two.
[[maybe_unused]] const int kSet = setenv("OMP_NUM_THREADS", "2", /*overwrite=*/1);

constexpr char kPackedModel[] = "testdata/tiny_sdxl";

SdxlModel LoadScaled(double lora_scale) {
  auto model = SdxlModel::Load(
      {.model = kPackedModel, .adapters = {{std::string(kPackedModel) + "/lora", lora_scale}}},
      *ChooseDevice("cpu", "float32"));
  TORCH_CHECK(model.ok(), std::string(model.status().message()));
  return *std::move(model);
}

// Values in [-1,1] that differ from row to row.
at::Tensor Waves(at::IntArrayRef shape) {
  at::Tensor x = at::empty(shape, at::kFloat);
  float* values = x.mutable_data_ptr<float>();
  for (int64_t i = 0; i < x.numel(); ++i)
    values[i] = static_cast<float>(std::sin(0.7 * static_cast<double>(i * i % 1009)));
  return x;
}

at::Tensor Predict(const SdxlModel& model, int64_t batch) {
  const Conditioning conditional{Waves({batch, 77, 192}), Waves({batch, 128}),
                                 at::full({batch, 6}, 128.0)};
  SdxlPredictor predictor(model.Networks());
  predictor.SetConditioning({conditional.context * 0, conditional.pooled * 0, conditional.time_ids},
                            conditional);
  const std::vector<RowGroup> rows = {{0, Condition::kUnconditional},
                                      {0, Condition::kConditional},
                                      {1, Condition::kUnconditional},
                                      {1, Condition::kConditional}};
  return predictor(Waves({batch, 4, 16, 16}), 400, rows);
}

const at::Tensor& PanelsOf(const auto& layer) {
  return std::get<cpu::Panels>(layer.packed).product.panels;
}

TEST(PackModelTest, MergesTheLoraAndSharesTheOtherLayers) {
  SdxlModel model = LoadScaled(1.0);
  PackForInference(model);
  const std::vector<SdxlNetwork> networks = model.Networks();
  ASSERT_EQ(networks.size(), 2);
  EXPECT_TRUE(networks[0].adapters.empty() && networks[1].adapters.empty());
  const UNet &base = *networks[0].unet, &tuned = *networks[1].unet;
  EXPECT_TRUE(PanelsOf(base.conv_in).is_same(PanelsOf(tuned.conv_in)));
  EXPECT_FALSE(PanelsOf(base.mid_block.attentions[0].blocks[0].attn1.to_q)
                   .is_same(PanelsOf(tuned.mid_block.attentions[0].blocks[0].attn1.to_q)));
}

// One image makes 4 rows, two a thread; three make 12. The plain model computes with the adapter
// beside the weights, in one call.
TEST(PackModelTest, PredictsWhatThePlainModelPredicts) {
  const at::NoGradGuard no_grad;
  ASSERT_EQ(cpu::Threads(), 2);
  const SdxlModel plain = LoadScaled(0.7);
  SdxlModel packed = LoadScaled(0.7);
  PackForInference(packed);
  for (const int64_t batch : {1, 3})
    EXPECT_THAT(Predict(packed, batch), testing::IsCloseTo(Predict(plain, batch), 1e-5));
}

// Of a tuned UNet that changes the values' projection of one attention.
TEST(PackModelTest, StackingLeavesSharedLayersSharedAndTheBaseWhole) {
  SdxlModel model = LoadScaled(1.0);
  const auto first = [](UNet& unet) -> AttentionWeights& {
    return unet.down_blocks[1].attentions[0].blocks[0].attn1;
  };
  const auto middle = [](UNet& unet) -> AttentionWeights& {
    return unet.mid_block.attentions[0].blocks[0].attn1;
  };
  model.tuned = {{.unet = model.unet}};
  UNet& tuned = *model.tuned[0].unet;
  first(tuned).to_v.weight = first(tuned).to_v.weight + 1;
  const at::Tensor before = first(tuned).to_k.weight.clone();
  StackForInference(model);
  const auto stacked = [](const AttentionWeights& attention) {
    const at::Tensor &q = attention.to_q.weight, &v = attention.to_v.weight;
    return q.storage().is_alias_of(v.storage()) &&
           v.storage_offset() == q.storage_offset() + q.numel() + attention.to_k.weight.numel();
  };
  EXPECT_TRUE(stacked(first(model.unet)) && stacked(first(tuned)));
  EXPECT_TRUE(stacked(middle(model.unet)) && stacked(middle(tuned)));
  EXPECT_EQ(middle(tuned).to_k.weight.data_ptr(), middle(model.unet).to_k.weight.data_ptr());
  EXPECT_NE(first(tuned).to_k.weight.data_ptr(), first(model.unet).to_k.weight.data_ptr());
  EXPECT_THAT(first(tuned).to_k.weight, testing::IsEqualTo(before));
}

}  // namespace
}  // namespace draftp
