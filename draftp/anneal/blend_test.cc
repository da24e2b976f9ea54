#include "draftp/anneal/blend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace draftp {
namespace {

using ::testing::ElementsAre;

AnnealConfig Loras(std::vector<std::string> loras, const std::string& blend = kBlendPrediction) {
  AnnealConfig config;
  config.lora = std::move(loras);
  config.blend = blend;
  config.lora_scale = 2;
  return config;
}

TEST(BlendTest, OfWeightTypesIsOneEach) {
  AnnealConfig config = Loras({"a"});
  config.weight_type = {"base", "linear"};
  const std::vector<Blend> blends = BlendsOf(config);
  ASSERT_EQ(blends.size(), 2u);
  EXPECT_EQ(blends[1].text, "linear");
  EXPECT_EQ(blends[1].Evaluations({0, 4, 1, 0}), 1);  // weight 0
  EXPECT_EQ(blends[1].Evaluations({2, 4, 1, 0}), 2);
  EXPECT_EQ(AdaptersOf(config)[0].scale, 2);
}

TEST(BlendTest, OfPredictionsEvaluatesTheBaseWhereTheWeightsLeaveIt) {
  const AnnealConfig config = Loras({"a:linear", "b:0.75", "c:base"});
  const Blend blend = BlendsOf(config).at(0);
  EXPECT_EQ(blend.text, "linear,0.75,base");
  EXPECT_EQ(AdapterUseOf(config), AdapterUse::kApart);
  EXPECT_EQ(blend.Evaluations({0, 4, 1, 0}), 2);  // base and b
  EXPECT_EQ(blend.Evaluations({1, 4, 1, 0}), 2);  // a and b, which add up to 1
  EXPECT_EQ(blend.Evaluations({2, 4, 1, 0}), 3);
  EXPECT_EQ(BlendsOf(Loras({"a", "b"})).at(0).text, "draft,draft");
  EXPECT_EQ(AdaptersOf(config).at(1).path, "b");
  EXPECT_EQ(AdaptersOf(config).at(1).scale, 2);
}

TEST(BlendTest, OfConstantWeightsIsMergedAndOfOthersCarried) {
  const AnnealConfig constant = Loras({"a:draft", "b:-0.5"}, kBlendWeights);
  const Blend merged = BlendsOf(constant).at(0);
  EXPECT_EQ(merged.text, "weights(draft,-0.5)");
  EXPECT_EQ(AdapterUseOf(constant), AdapterUse::kMerged);
  EXPECT_EQ(merged.Evaluations({0, 4, 1, 0}), 1);
  EXPECT_EQ(AdaptersOf(constant).at(0).scale, 2);
  EXPECT_EQ(AdaptersOf(constant).at(1).scale, -1);
  const AnnealConfig changing = Loras({"a:linear", "b"}, kBlendWeights);
  const Blend carried = BlendsOf(changing).at(0);
  EXPECT_EQ(AdapterUseOf(changing), AdapterUse::kCarried);
  EXPECT_EQ(carried.Evaluations({2, 4, 1, 0}), 1);
  EXPECT_THAT(carried.blending.At({2, 4, 1, 0}).scales, ElementsAre(0.5, 1.0));
  EXPECT_EQ(AdaptersOf(changing).at(1).scale, 2);
}

AnnealConfig OfTypes(std::vector<std::string> loras, std::vector<std::string> types) {
  AnnealConfig config;
  config.lora = std::move(loras);
  config.weight_type = std::move(types);
  return config;
}

TEST(BlendTest, EvaluatesWhatEachWayToBlendNeeds) {
  const AnnealConfig config =
      OfTypes({"a"}, {"weights(0.4)", "weights(linear)", "draw(0.5)", "guided(linear,1)",
                      "projected(1)", "projected(1,1)", "projected(0,0)", "bands(1,0)", "1.6"});
  std::vector<int> evaluations;
  for (const Blend& blend : BlendsOf(config))
    evaluations.push_back(blend.Evaluations({2, 4, 1, 0.5}));
  EXPECT_THAT(evaluations, ElementsAre(1, 1, 1, 2, 2, 1, 1, 2, 2));
  EXPECT_EQ(BlendsOf(OfTypes({"a", "b"}, {"contrast(1)"})).at(0).Evaluations({2, 4, 1, 0.5}), 3);
}

TEST(BlendTest, AdaptersAreLoadedAsTheColumnsNeedThem) {
  const auto use = [](const std::vector<std::string>& types) {
    return AdapterUseOf(OfTypes({"a"}, types));
  };
  EXPECT_EQ(use({"base"}), AdapterUse::kApart);
  EXPECT_EQ(use({"linear", "guided(draft,1)"}), AdapterUse::kApart);
  EXPECT_EQ(use({"base", "weights(0.4)", "weights(linear)"}), AdapterUse::kCarried);
  EXPECT_EQ(use({"draft", "weights(0.4)"}), AdapterUse::kApartAndCarried);
}

TEST(BlendTest, SeveralAdaptersHaveTheirOwnWeightsOrOtherTypes) {
  EXPECT_TRUE(HaveOwnWeights(Loras({"a", "b"})));
  EXPECT_TRUE(HaveOwnWeights(Loras({"a:linear"})));
  EXPECT_FALSE(HaveOwnWeights(Loras({"a"})));
  EXPECT_FALSE(HaveOwnWeights(OfTypes({"a", "b"}, {"base", "mix(linear,0.5)"})));
  EXPECT_TRUE(HaveOwnWeights(OfTypes({"a", "b"}, {})));
  EXPECT_EQ(BlendsOf(OfTypes({"a", "b"}, {"mix(linear,0.5)"})).at(0).blending.name(),
            BlendsOf(Loras({"a:linear", "b:0.5"})).at(0).blending.name());
}

TEST(BlendTest, WhatIsDrawnIsOfTheRunsSeed) {
  AnnealConfig config = OfTypes({"a"}, {"draw(0.5)"});
  std::vector<int> models;
  for (config.seed = 0; config.seed < 64; ++config.seed)
    models.push_back(BlendsOf(config)[0].blending.At({0, 4, 1, 0.5}).parts[0].model);
  EXPECT_GT(std::ranges::count(models, 0), 10);
  EXPECT_GT(std::ranges::count(models, 1), 10);
}

}  // namespace
}  // namespace draftp
