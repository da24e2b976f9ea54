#include "draftp/adapter/lora_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

using ::testing::HasSubstr;

LoraMetadata Parse(const std::string& text, const std::string& prefix = "unet.") {
  return ParseLoraMetadata("lora.safetensors", text, prefix).value();
}

std::string ErrorOf(const std::string& text) {
  return ParseLoraMetadata("lora.safetensors", text, "unet.").status().ToString();
}

TEST(LoraMetadataTest, PatternsWinOverTheCommonValue) {
  const auto metadata =
      Parse(R"({"unet.r": 4, "unet.lora_alpha": 8, "unet.alpha_pattern": {"to_k": 2}})");
  EXPECT_EQ(metadata.AlphaOf("mid_block.attn1.to_k"), 2);
  EXPECT_EQ(metadata.AlphaOf("mid_block.attn1.to_q"), 8);
  EXPECT_EQ(metadata.RankOf("mid_block.attn1.to_k"), 4);
}

// peft: re.match(rf"(.*\.)?({key})$", path)
TEST(LoraMetadataTest, APatternIsTheEndOfAPathAtADot) {
  const auto metadata = Parse(R"({"unet.rank_pattern": {"to_q": 1, "^conv": 2, "a.b": 3}})");
  EXPECT_EQ(metadata.RankOf("x.to_q"), 1);
  EXPECT_EQ(metadata.RankOf("to_q"), 1);
  EXPECT_EQ(metadata.RankOf("x.not_to_q"), std::nullopt);
  EXPECT_EQ(metadata.RankOf("x.to_q.y"), std::nullopt);
  EXPECT_EQ(metadata.RankOf("conv"), 2);
  EXPECT_EQ(metadata.RankOf("x.conv"), std::nullopt);
  EXPECT_EQ(metadata.RankOf("x.a.b"), 3);
}

TEST(LoraMetadataTest, PatternsAreRegularExpressionsInTheirOrder) {
  const auto metadata = Parse(
      R"json({"unet.r": 4, "unet.rank_pattern": {".*attn1\\.to_[qv]": 2, "to_(q|k)": 3, "to_v": 5}})json");
  EXPECT_EQ(metadata.RankOf("mid_block.attn1.to_q"), 2);
  EXPECT_EQ(metadata.RankOf("mid_block.attn2.to_q"), 3);
  EXPECT_EQ(metadata.RankOf("mid_block.attn2.to_v"), 5);
  EXPECT_EQ(metadata.RankOf("mid_block.attn2.not_to_q"), 4);
}

TEST(LoraMetadataTest, AnExpressionThatTriesEverythingTakesNoTime) {
  const auto metadata = Parse(R"json({"unet.rank_pattern": {"(a*)*(a*)*(a*)*b": 2}})json");
  EXPECT_EQ(metadata.RankOf(std::string(100, 'a')), std::nullopt);
}

TEST(LoraMetadataTest, SaysNothingWhereTheKeysHaveAnotherPrefix) {
  const auto metadata = Parse(R"({"text_encoder.r": 4, "text_encoder.lora_alpha": 8})");
  EXPECT_EQ(metadata.RankOf("to_q"), std::nullopt);
  EXPECT_EQ(metadata.AlphaOf("to_q"), std::nullopt);
  EXPECT_FALSE(metadata.use_rslora);
}

TEST(LoraMetadataTest, ReadsKeysWithoutPrefix) {
  EXPECT_EQ(Parse(R"({"r": 4})", "").RankOf("to_q"), 4);
}

TEST(LoraMetadataTest, RejectsVariantsThatComputeSomethingElse) {
  EXPECT_THAT(ErrorOf(R"({"unet.peft_type": "LOHA"})"), HasSubstr("unet.peft_type"));
  EXPECT_THAT(ErrorOf(R"({"unet.lora_bias": true})"), HasSubstr("unet.lora_bias"));
  EXPECT_THAT(ErrorOf(R"({"unet.use_qalora": true})"), HasSubstr("unet.use_qalora"));
}

TEST(LoraMetadataTest, ErrorsNameFileAndKey) {
  EXPECT_THAT(ErrorOf("{"), HasSubstr("lora.safetensors: lora_adapter_metadata"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("lora.safetensors: lora_adapter_metadata"));
  EXPECT_THAT(ErrorOf(R"({"unet.r": "4"})"), HasSubstr("lora_adapter_metadata: unet.r"));
  EXPECT_THAT(ErrorOf(R"json({"unet.alpha_pattern": {"to_(q": 1}})json"), HasSubstr("to_(q"));
  EXPECT_THAT(ErrorOf(R"({"unet.alpha_pattern": [1]})"), HasSubstr("unet.alpha_pattern"));
  EXPECT_THAT(ErrorOf(R"({"unet.use_rslora": 1})"), HasSubstr("unet.use_rslora"));
}

}  // namespace
}  // namespace draftp
