#include "draftp/model/clip_text_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

absl::StatusOr<ClipTextConfig> ParseTextConfig(Json object) {
  return ParseClipTextConfig(JsonReader("config.json", std::move(object)));
}

std::string TextConfigError(Json object) {
  return std::string(ParseTextConfig(std::move(object)).status().message());
}

TEST(ClipTextConfigTest, ReadsTheEmbeddedEncoders) {
  const auto first = ReadClipTextConfig("testdata/tiny_sdxl/text_encoder/config.json");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->layer.activation, ClipActivation::kQuickGelu);
  EXPECT_EQ(first->projection_dim, 0);
  const auto second = ReadClipTextConfig("testdata/tiny_sdxl/text_encoder_2/config.json");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->layer.activation, ClipActivation::kGelu);
  EXPECT_EQ(second->projection_dim, 128);
  EXPECT_EQ(second->eos_token_id, 737);
  EXPECT_FALSE(second->pools_greatest_id);
}

// As stabilityai/stable-diffusion-xl-base-1.0 has it in text_encoder_2.
TEST(ClipTextConfigTest, ReadsSdxlsSecondEncoder) {
  const auto config = ParseTextConfig(Json::parse(R"({
    "architectures": ["CLIPTextModelWithProjection"], "attention_dropout": 0.0, "bos_token_id": 0,
    "dropout": 0.0, "eos_token_id": 2, "hidden_act": "gelu", "hidden_size": 1280,
    "initializer_factor": 1.0, "initializer_range": 0.02, "intermediate_size": 5120,
    "layer_norm_eps": 1e-05, "max_position_embeddings": 77, "model_type": "clip_text_model",
    "num_attention_heads": 20, "num_hidden_layers": 32, "pad_token_id": 1, "projection_dim": 1280,
    "torch_dtype": "float16", "transformers_version": "4.32.0.dev0", "vocab_size": 49408})"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->pools_greatest_id);
  EXPECT_EQ(config->layer.hidden_size / config->layer.num_heads, 64);
}

TEST(ClipTextConfigTest, SilentFilesMeanTheDefaultsOfTransformers) {
  const auto config = ParseTextConfig(Json::object());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->layer.hidden_size, 512);
  EXPECT_EQ(config->num_layers, 12);
  EXPECT_EQ(config->eos_token_id, 49407);
}

TEST(ClipTextConfigTest, RejectsActivationsItDoesNotHave) {
  EXPECT_THAT(TextConfigError({{"hidden_act", "silu"}}),
              AllOf(HasSubstr("config.json: key \"hidden_act\": found \"silu\""),
                    HasSubstr("quick_gelu, gelu")));
}

TEST(ClipTextConfigTest, RejectsKeysThatMayChangeTheResult) {
  EXPECT_THAT(TextConfigError({{"rope_theta", 10000}}), HasSubstr("\"rope_theta\""));
  EXPECT_THAT(TextConfigError({{"pruned_heads", {{"0", {1}}}}}), HasSubstr("\"pruned_heads\""));
  EXPECT_THAT(TextConfigError({{"architectures", {"CLIPVisionModel"}}}),
              HasSubstr("CLIPTextModelWithProjection"));
}

TEST(ClipTextConfigTest, RejectsSizesThatCannotBe) {
  EXPECT_THAT(TextConfigError({{"num_attention_heads", 7}}),
              HasSubstr("a divisor of hidden_size, 512"));
  EXPECT_THAT(TextConfigError({{"vocab_size", 0}}), HasSubstr("vocab_size"));
  EXPECT_THAT(TextConfigError({{"eos_token_id", 49408}}), HasSubstr("eos_token_id"));
  EXPECT_THAT(TextConfigError({{"layer_norm_eps", 0.0}}), HasSubstr("layer_norm_eps"));
  EXPECT_THAT(TextConfigError({{"hidden_size", "big"}}), HasSubstr("hidden_size"));
}

TEST(ClipTextConfigTest, SurvivesDamagedFiles) {
  const auto tally = testing::ExpectCopySurvivesDamage(
      "testdata/tiny_sdxl/text_encoder_2/config.json", {},
      [](const std::string& path) { return ReadClipTextConfig(path).status(); });
  EXPECT_GT(tally.errors, 200u);
  EXPECT_LE(tally.legal_truncated, 1u);  // without its last line's end
}

}  // namespace
}  // namespace draftp
