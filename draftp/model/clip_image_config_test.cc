#include "draftp/model/clip_image_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace draftp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

absl::StatusOr<ClipImageConfig> ParseImageConfig(Json object) {
  return ParseClipImageConfig(JsonReader("config.json", std::move(object)));
}

std::string ImageConfigError(Json object) {
  return std::string(ParseImageConfig(std::move(object)).status().message());
}

// As yuvalkirstain/PickScore_v1 has it in vision_config, less the keys of text generation.
TEST(ClipImageConfigTest, ReadsPickScores) {
  const auto config = ParseImageConfig(Json::parse(R"({
    "_name_or_path": "", "add_cross_attention": false, "architectures": null,
    "attention_dropout": 0.0, "bos_token_id": null, "dropout": 0.0, "eos_token_id": null,
    "pad_token_id": null, "hidden_act": "gelu", "hidden_size": 1280,
    "image_size": 224, "initializer_factor": 1.0, "initializer_range": 0.02,
    "intermediate_size": 5120, "layer_norm_eps": 1e-05, "model_type": "clip_vision_model",
    "num_attention_heads": 16, "num_channels": 3, "num_hidden_layers": 32, "patch_size": 14,
    "projection_dim": 1024, "pruned_heads": {}, "torch_dtype": null})"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->Grid(), 16);
  EXPECT_EQ(config->layer.hidden_size / config->layer.num_heads, 80);
  EXPECT_EQ(config->layer.activation, ClipActivation::kGelu);
  EXPECT_FALSE(config->layer.causal);
}

TEST(ClipImageConfigTest, SilentFilesMeanTheDefaultsOfTransformers) {
  const auto config = ParseImageConfig(Json::object());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->image_size, 224);
  EXPECT_EQ(config->patch_size, 32);
  EXPECT_EQ(config->layer.hidden_size, 768);
  EXPECT_EQ(config->projection_dim, 512);
}

TEST(ClipImageConfigTest, RejectsWhatItCannotDo) {
  EXPECT_THAT(ImageConfigError({{"num_channels", 4}}),
              HasSubstr("config.json: key \"num_channels\""));
  EXPECT_THAT(ImageConfigError({{"rope_theta", 10000}}), HasSubstr("\"rope_theta\""));
  EXPECT_THAT(ImageConfigError({{"hidden_act", "silu"}}), HasSubstr("quick_gelu, gelu"));
  EXPECT_THAT(ImageConfigError({{"patch_size", 225}}),
              AllOf(HasSubstr("patch_size"), HasSubstr("at most image_size, 224")));
  EXPECT_THAT(ImageConfigError({{"num_attention_heads", 7}}),
              HasSubstr("a divisor of hidden_size, 768"));
  EXPECT_THAT(ImageConfigError({{"image_size", 0}}), HasSubstr("image_size"));
}

}  // namespace
}  // namespace draftp
