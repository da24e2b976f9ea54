// What adapters of each kind make of a model: which networks, and which conditions.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "draftp/adapter/adapter_guard.h"
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
  SdxlSources sources{.model = kAdaptedModel};
  if (!lora.empty()) sources.adapters = {{"testdata/adapters/" + lora, scale}};
  return SdxlModel::Load(sources, *ChooseDevice("cpu", "float32")).value();
}

Conditions ConditionsOf(const SdxlModel& model) {
  return Conditioner(model, {.size = {128, 128}})({"a red circle"}).value();
}

TEST(AdapterModelTest, ALoraIsCarriedBesideTheWeights) {
  const SdxlModel model = Adapted("peft");
  ASSERT_EQ(model.tuned.size(), 1u);
  EXPECT_FALSE(model.tuned[0].unet.has_value());
  EXPECT_THAT(model.Networks()[1].adapters, ElementsAre(CarriedAdapter{.slot = 0}));
  EXPECT_TRUE(ConditionsOf(model).own.empty());
}

TEST(AdapterModelTest, AnotherKindIsInTheWeightsOfANetworkThatSharesTheRest) {
  const SdxlModel model = Adapted("dora.safetensors");
  ASSERT_EQ(model.tuned.size(), 1u);
  const UNet& own = model.tuned[0].unet.value();
  const auto& base = model.unet.mid_block.attentions[0].blocks[0].attn1;
  const auto& tuned = own.mid_block.attentions[0].blocks[0].attn1;
  EXPECT_FALSE(base.to_q.weight.is_same(tuned.to_q.weight));
  EXPECT_TRUE(base.to_k.weight.is_same(tuned.to_k.weight));
  EXPECT_TRUE(model.unet.conv_in.weight.is_same(own.conv_in.weight));
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

// Two plain LoRAs.
SdxlModel Several(AdapterUse use, double first = 1.0, double second = 1.0) {
  return SdxlModel::Load({.model = kAdaptedModel,
                          .adapters = {{std::string(kAdaptedModel) + "/lora", first},
                                       {"testdata/adapters/peft", second}},
                          .adapter_use = use},
                         *ChooseDevice("cpu", "float32"))
      .value();
}

// What model `network` predicts under guidance's two conditions.
at::Tensor Predicted(const SdxlModel& model, int network, const AdapterRows& in_effect = {}) {
  const at::NoGradGuard no_grad;
  const Conditions conditions = ConditionsOf(model);
  SdxlPredictor predictor(model.Networks());
  predictor.SetConditioning(conditions.unconditional, conditions.conditional, conditions.own);
  const std::vector<RowGroup> rows = {{network, Condition::kUnconditional},
                                      {network, Condition::kConditional}};
  const auto predict = [&] { return predictor(at::ones({1, 4, 16, 16}), 500, rows); };
  if (in_effect.empty()) return predict();
  const AdapterGuard guard(predictor.adapters(), in_effect);
  return predict();
}

TEST(AdapterModelTest, EachOfSeveralPredictsAsAlone) {
  const std::vector<std::string> files = {"peft", "dora.safetensors", "kohya.safetensors"};
  SdxlSources sources{.model = kAdaptedModel};
  for (const std::string& file : files)
    sources.adapters.push_back({"testdata/adapters/" + file, 8.0});
  const auto all = SdxlModel::Load(sources, *ChooseDevice("cpu", "float32"));
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->Networks().size(), 4u);
  for (size_t i = 0; i < files.size(); ++i) {
    const at::Tensor alone = Predicted(Adapted(files[i], 8.0), kTunedNetwork);
    EXPECT_THAT(Predicted(*all, kTunedNetwork + static_cast<int>(i)), IsCloseTo(alone, 2e-5))
        << files[i];
    EXPECT_THAT(Predicted(*all, kBaseNetwork), Not(IsCloseTo(alone, 2e-4)));
  }
}

// ||W'|| of each output's row is DoRA's magnitude where W' is divided by its own norm, and not
// where it is by the base weight's.
TEST(AdapterModelTest, TheNormOfDoraIsTheSourcesOwn) {
  const auto rows = [](DoraNorm norm) {
    const SdxlModel model =
        SdxlModel::Load({.model = kAdaptedModel,
                         .adapters = {{"testdata/adapters/dora.safetensors", 1.0, norm}}},
                        *ChooseDevice("cpu", "float32"))
            .value();
    return model.tuned[0].unet->mid_block.attentions[0].blocks[0].attn1.to_q.weight.norm(2, 1);
  };
  const auto file = WeightMap::Open("testdata/adapters/dora.safetensors", "");
  const auto names = file->names();
  const auto name = std::ranges::find_if(names, [](const std::string& key) {
    return key.find("mid_block.attentions.0.transformer_blocks.0.attn1.to_q") !=
               std::string::npos &&
           key.find("magnitude") != std::string::npos;
  });
  ASSERT_NE(name, names.end());
  WeightMap weights = *file;
  const at::Tensor magnitude = weights.Take(*name, *weights.Shape(*name))->to(at::kFloat).flatten();
  EXPECT_THAT(rows(DoraNorm::kChanged), IsCloseTo(magnitude, 1e-5));
  EXPECT_THAT(rows(DoraNorm::kBase), Not(IsCloseTo(magnitude, 1e-3)));
}

// W + s_1 dW_1 + s_2 dW_2, each dW as it is alone.
TEST(AdapterModelTest, MergedAddsUpTheirChanges) {
  const auto weight = [](const SdxlModel& model) {
    return model.tuned.at(0).unet->mid_block.attentions[0].blocks[0].attn1.to_q.weight;
  };
  const SdxlModel both = Several(AdapterUse::kMerged, 0.3, -0.8);
  ASSERT_EQ(both.tuned.size(), 1u);
  const at::Tensor base = both.unet.mid_block.attentions[0].blocks[0].attn1.to_q.weight;
  const at::Tensor first = weight(Several(AdapterUse::kMerged, 1, 0)) - base,
                   second = weight(Several(AdapterUse::kMerged, 0, 1)) - base;
  EXPECT_THAT(weight(both), IsCloseTo(base + first * 0.3 - second * 0.8, 1e-6));
  EXPECT_GT(first.abs().max().item<float>(), 1e-4);
  EXPECT_GT(second.abs().max().item<float>(), 1e-4);
}

TEST(AdapterModelTest, CarriedPredictsAsMergedWithTheScalesInEffect) {
  const SdxlModel carried = Several(AdapterUse::kCarried);
  ASSERT_EQ(carried.Networks().size(), 2u);
  const at::Tensor merged = Predicted(Several(AdapterUse::kMerged, 0.3, -0.8), kTunedNetwork);
  const AdapterRows scales = {{.adapter = 0, .scale = 0.3}, {.adapter = 1, .scale = -0.8}};
  EXPECT_THAT(Predicted(carried, kTunedNetwork, scales), IsCloseTo(merged, 2e-5));
  EXPECT_THAT(Predicted(carried, kTunedNetwork), Not(IsCloseTo(merged, 1e-3)));
}

TEST(AdapterModelTest, ApartAndCarriedAreBoth) {
  const SdxlModel both = Several(AdapterUse::kApartAndCarried), apart = Several(AdapterUse::kApart),
                  carried = Several(AdapterUse::kCarried);
  ASSERT_EQ(both.Networks().size(), 4u);
  EXPECT_EQ(both.ScaledNetwork(), 3);
  EXPECT_EQ(carried.ScaledNetwork(), 1);
  EXPECT_EQ(apart.ScaledNetwork(), -1);
  for (int network = 0; network < 3; ++network)
    EXPECT_THAT(Predicted(both, network), IsCloseTo(Predicted(apart, network), 2e-5));
  const AdapterRows scales = {{.adapter = 0, .scale = 0.3}, {.adapter = 1, .scale = -0.8}};
  EXPECT_THAT(Predicted(both, 3, scales), IsCloseTo(Predicted(carried, 1, scales), 2e-5));
}

TEST(AdapterModelTest, WhatCantBeCarriedIsNamed) {
  for (const auto& [file, found] : {std::pair{"dora.safetensors", "an adapter that is no LoRA"},
                                    {"kohya.safetensors", "changes of text encoders"}}) {
    const std::string path = std::string("testdata/adapters/") + file;
    for (const AdapterUse use : {AdapterUse::kCarried, AdapterUse::kApartAndCarried}) {
      const auto model =
          SdxlModel::Load({.model = kAdaptedModel, .adapters = {{path}}, .adapter_use = use},
                          *ChooseDevice("cpu", "float32"));
      EXPECT_THAT(model.status().ToString(), HasSubstr(path + ": found " + found +
                                                       ", expected a plain LoRA of the UNet, whose "
                                                       "scale can change from step to step; "
                                                       "mix(...) and --blend prediction take any"));
    }
  }
}

TEST(AdapterModelTest, PackedSeveralPredictAsPlainOnes) {
  for (const AdapterUse use : {AdapterUse::kApart, AdapterUse::kMerged, AdapterUse::kCarried,
                               AdapterUse::kApartAndCarried}) {
    const SdxlModel plain = Several(use, 0.5, -0.5);
    SdxlModel packed = Several(use, 0.5, -0.5);
    PackForInference(packed);
    for (int network = 0; network < static_cast<int>(plain.Networks().size()); ++network)
      EXPECT_THAT(Predicted(packed, network), IsCloseTo(Predicted(plain, network), 2e-5));
  }
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
  const auto model = SdxlModel::Load(
      {.model = kAdaptedModel, .adapters = {{"testdata/goldens/lora_file.safetensors"}}},
      *ChooseDevice("cpu", "float32"));
  EXPECT_THAT(model.status().ToString(), HasSubstr("testdata/goldens/lora_file.safetensors: "));
}

}  // namespace
}  // namespace draftp
