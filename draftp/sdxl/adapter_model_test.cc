// What adapters of each kind make of a model: which networks, and which conditions.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "draftp/sdxl/conditioner.h"
#include "draftp/sdxl/model_files.h"
#include "draftp/sdxl/pack_model.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/testing/tensor_matchers.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsCloseTo;
using ::testing::Not;

constexpr char kAdaptedModel[] = "testdata/tiny_sdxl";

SdxlModel Adapted(const std::string& lora, double scale = 1.0) {
  const std::string path = lora.empty() ? "" : "testdata/adapters/" + lora;
  return SdxlModel::Load({.model = kAdaptedModel, .lora = path, .lora_scale = scale},
                         *ChooseDevice("cpu", "float32"))
      .value();
}

Conditions ConditionsOf(const SdxlModel& model) {
  return Conditioner(model, {.size = {128, 128}})({"a red circle"}).value();
}

TEST(AdapterModelTest, ALoraIsCarriedBesideTheWeights) {
  const SdxlModel model = Adapted("peft");
  EXPECT_FALSE(model.tuned.has_value());
  EXPECT_EQ(model.Networks()[1].adapter, 0);
  EXPECT_TRUE(ConditionsOf(model).own.empty());
}

TEST(AdapterModelTest, AnotherKindIsInTheWeightsOfANetworkThatSharesTheRest) {
  const SdxlModel model = Adapted("dora.safetensors");
  ASSERT_TRUE(model.tuned.has_value());
  const auto& base = model.unet.mid_block.attentions[0].blocks[0].attn1;
  const auto& tuned = model.tuned->mid_block.attentions[0].blocks[0].attn1;
  EXPECT_FALSE(base.to_q.weight.is_same(tuned.to_q.weight));
  EXPECT_TRUE(base.to_k.weight.is_same(tuned.to_k.weight));
  EXPECT_TRUE(model.unet.conv_in.weight.is_same(model.tuned->conv_in.weight));
}

// The base model's pictures don't depend on the adapter.
TEST(AdapterModelTest, TextEncodersPartsConditionTheTunedModelAlone) {
  const Conditions plain = ConditionsOf(Adapted("")),
                   whole = ConditionsOf(Adapted("kohya.safetensors"));
  EXPECT_THAT(whole.conditional.context, IsCloseTo(plain.conditional.context, 0));
  ASSERT_EQ(whole.own.size(), 1u);
  EXPECT_EQ(whole.own[0].model, kTunedNetwork);
  EXPECT_THAT(whole.own[0].conditional.context, Not(IsCloseTo(plain.conditional.context, 1e-3)));
  EXPECT_THAT(whole.own[0].conditional.pooled, Not(IsCloseTo(plain.conditional.pooled, 1e-3)));
  // alpha is half the rank in the one file and the rank in the other.
  const Conditions half = ConditionsOf(Adapted("text_encoders.safetensors", 0.5));
  EXPECT_THAT(half.own[0].conditional.context, IsCloseTo(whole.own[0].conditional.context, 1e-5));
}

TEST(AdapterModelTest, RowsOfConditionsAreRowsOfAllModels) {
  const SdxlModel model = Adapted("kohya.safetensors");
  const Conditions all =
      Conditioner(model, {.size = {128, 128}})({"a red circle", "a blue square"}).value();
  const Conditions second = all.Rows(1, 1);
  EXPECT_THAT(second.own[0].conditional.context,
              IsCloseTo(all.own[0].conditional.context.narrow(0, 1, 1), 0));
}

// The predictor's rows of each model see its own conditions.
TEST(AdapterModelTest, RowsOfTheTunedModelSeeItsConditions) {
  const SdxlModel model = Adapted("kohya.safetensors", 1.0);
  const Conditions conditions = ConditionsOf(model);
  SdxlPredictor both(model.Networks()), tuned(model.Networks());
  both.SetConditioning(conditions.unconditional, conditions.conditional, conditions.own);
  tuned.SetConditioning(conditions.own[0].unconditional, conditions.own[0].conditional);
  const at::Tensor x = at::ones({1, 4, 16, 16});
  const at::NoGradGuard no_grad;
  const std::vector<RowGroup> rows = {{kBaseNetwork, Condition::kConditional},
                                      {kTunedNetwork, Condition::kConditional}};
  const at::Tensor mixed = both(x, 500, rows), own = tuned(x, 500, rows);
  EXPECT_THAT(mixed.narrow(0, 1, 1), IsCloseTo(own.narrow(0, 1, 1), 1e-5));
  EXPECT_THAT(mixed.narrow(0, 0, 1), Not(IsCloseTo(own.narrow(0, 0, 1), 1e-4)));
}

TEST(AdapterModelTest, PackedWeightsPredictAsPlainOnes) {
  const SdxlModel plain = Adapted("dora.safetensors");
  SdxlModel packed = Adapted("dora.safetensors");
  PackForInference(packed);
  const Conditions conditions = ConditionsOf(plain);
  const std::vector<RowGroup> rows = {{kBaseNetwork, Condition::kConditional},
                                      {kTunedNetwork, Condition::kConditional}};
  const at::NoGradGuard no_grad;
  const auto predict = [&](const SdxlModel& model) {
    SdxlPredictor predictor(model.Networks());
    predictor.SetConditioning(conditions.unconditional, conditions.conditional);
    return predictor(at::ones({1, 4, 16, 16}), 500, rows);
  };
  EXPECT_THAT(predict(packed), IsCloseTo(predict(plain), 2e-5));
}

TEST(AdapterModelTest, FilesOfAPeftFolderAreItsWeightsAndConfig) {
  std::vector<std::string> roles;
  for (const InputFile& file : LoraFiles("testdata/adapters/peft")) roles.push_back(file.role);
  EXPECT_THAT(roles, ElementsAre("fine-tuned/lora", "fine-tuned/adapter_config.json"));
}

TEST(AdapterModelTest, AnAdapterOfAnotherModelNamesFileKeyAndNearest) {
  const auto model =
      SdxlModel::Load({.model = kAdaptedModel, .lora = "testdata/goldens/lora_file.safetensors"},
                      *ChooseDevice("cpu", "float32"));
  EXPECT_THAT(model.status().ToString(), HasSubstr("testdata/goldens/lora_file.safetensors: "));
}

}  // namespace
}  // namespace draftp
