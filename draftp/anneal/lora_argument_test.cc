#include "draftp/anneal/lora_argument.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/anneal/blend.h"
#include "draftp/io/test_files.h"
#include "draftp/run/exit_code.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;

TEST(LoraArgumentTest, TheWeightStandsBehindTheLastColon) {
  EXPECT_EQ(ParseLoraArgument("a/b.safetensors"), (LoraArgument{"a/b.safetensors"}));
  EXPECT_EQ(ParseLoraArgument("b:linear"), (LoraArgument{"b", "linear"}));
  EXPECT_EQ(ParseLoraArgument("b:0.70"), (LoraArgument{"b", "0.70"}));
  EXPECT_EQ(ParseLoraArgument("a:b:-1"), (LoraArgument{"a:b", "-1"}));
  EXPECT_EQ(ParseLoraArgument("b:piecewise(0:0,0.5:1)"),
            (LoraArgument{"b", "piecewise(0:0,0.5:1)"}));
  EXPECT_EQ(ParseLoraArgument("b:step_2@sigma"), (LoraArgument{"b", "step_2@sigma"}));
  for (const char* path : {"b:", ":0.5", "a:b/c", "b:lineal"})
    EXPECT_EQ(ParseLoraArgument(path), (LoraArgument{path}));
}

TEST(LoraArgumentTest, WhatIsThereIsAPathAndWhatStandsBehindItAWeight) {
  const testing::TemporaryFolder folder;
  const std::string odd = folder.Write("b:0.7", ""), plain = folder.Write("c", "");
  EXPECT_EQ(ParseLoraArgument(odd), (LoraArgument{odd}));
  EXPECT_EQ(ParseLoraArgument(odd + ":0.5"), (LoraArgument{odd, "0.5"}));
  EXPECT_TRUE(CheckLoraArguments({ParseLoraArgument(odd), {"x", "linear"}}).ok());
  const absl::Status status = CheckLoraArguments({ParseLoraArgument(plain + ":lineal")});
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("--lora: behind " + plain + ": weight type \"lineal\": unknown name"));
}

TEST(LoraArgumentTest, SeveralOrOneWithAWeightHaveTheirOwn) {
  EXPECT_FALSE(HaveOwnWeights({}));
  EXPECT_FALSE(HaveOwnWeights({{"a"}}));
  EXPECT_TRUE(HaveOwnWeights({{"a", "linear"}}));
  EXPECT_TRUE(HaveOwnWeights({{"a"}, {"b"}}));
}

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
  EXPECT_EQ(blend.use, AdapterUse::kApart);
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
  EXPECT_EQ(merged.use, AdapterUse::kMerged);
  EXPECT_EQ(merged.Evaluations({0, 4, 1, 0}), 1);
  EXPECT_EQ(AdaptersOf(constant).at(0).scale, 2);
  EXPECT_EQ(AdaptersOf(constant).at(1).scale, -1);
  const AnnealConfig changing = Loras({"a:linear", "b"}, kBlendWeights);
  const Blend carried = BlendsOf(changing).at(0);
  EXPECT_EQ(carried.use, AdapterUse::kCarried);
  EXPECT_EQ(carried.Evaluations({2, 4, 1, 0}), 1);
  EXPECT_EQ(carried.weights[0]({2, 4, 1, 0}), 0.5);
  EXPECT_EQ(AdaptersOf(changing).at(1).scale, 2);
}

}  // namespace
}  // namespace draftp
