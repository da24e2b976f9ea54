#include "draftp/model/unet_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

json Tiny() {
  std::ifstream file("testdata/tiny_sdxl/unet/config.json");
  return json::parse(file);
}

absl::StatusOr<UNetConfig> ParseUNet(const json& object) {
  return ParseUNetConfig(JsonReader("config.json", object));
}

UNetConfig With(const std::string& key, const json& value) {
  json object = Tiny();
  object[key] = value;
  return ParseUNet(object).value();
}

std::string ErrorWith(const std::string& key, const json& value) {
  json object = Tiny();
  object[key] = value;
  const std::string message = ParseUNet(object).status().ToString();
  EXPECT_THAT(message, HasSubstr("config.json"));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  return message;
}

TEST(UNetConfigTest, ReadsTheEmbeddedModel) {
  const auto config = ReadUNetConfig("testdata/tiny_sdxl/unet/config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->levels.size(), 3u);
  const UNetLevel& last = config->levels[2];
  EXPECT_EQ(last.channels, 128);
  EXPECT_EQ(last.heads, 4);
  EXPECT_THAT(last.down_depths, ElementsAre(2, 2));
  EXPECT_THAT(last.up_depths, ElementsAre(2, 2, 2));
  EXPECT_TRUE(last.down_attention && last.up_attention);
  EXPECT_FALSE(config->levels[0].down_attention || config->levels[0].up_attention);
  EXPECT_EQ(config->mid_depth, 2);
  EXPECT_EQ(config->time_embedding_dim, 256);
  EXPECT_TRUE(config->text_time() && config->use_linear_projection);
  EXPECT_EQ(config->Downsampling(), 4);
}

TEST(UNetConfigTest, DepthsMayDifferByLayerAndDirection) {
  const auto config = ReadUNetConfig("testdata/configs/unet_deep/config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->levels[1].down_depths, ElementsAre(2, 1));
  EXPECT_THAT(config->levels[1].up_depths, ElementsAre(1, 2, 1));
  EXPECT_THAT(config->levels[2].up_depths, ElementsAre(2, 2));
  EXPECT_EQ(config->mid_depth, 3);
}

TEST(UNetConfigTest, ListsOfTheDownPathRunBackwardsOnTheWayUp) {
  const UNetConfig config = With("transformer_layers_per_block", json::array({1, 3, 2}));
  EXPECT_THAT(config.levels[1].up_depths, ElementsAre(3, 3, 3));
  EXPECT_THAT(config.levels[2].up_depths, ElementsAre(2, 2, 2));
}

TEST(UNetConfigTest, OneNumberStandsForAllLevels) {
  const UNetConfig config = With("attention_head_dim", 2);
  for (const UNetLevel& level : config.levels) EXPECT_EQ(level.heads, 2);
  EXPECT_EQ(With("cross_attention_dim", json::array({192, 192, 192})).cross_attention_dim, 192);
  EXPECT_EQ(With("layers_per_block", json::array({1, 2, 3})).levels[2].up_depths.size(), 4u);
}

TEST(UNetConfigTest, DefaultsAreThoseOfDiffusers) {
  const UNetConfig config = ParseUNet(json::object()).value();
  ASSERT_EQ(config.levels.size(), 4u);
  EXPECT_EQ(config.levels[3].channels, 1280);
  EXPECT_FALSE(config.levels[3].down_attention);
  EXPECT_TRUE(config.levels[0].up_attention);
  EXPECT_EQ(config.levels[0].heads, 8);
  EXPECT_EQ(config.cross_attention_dim, 1280);
  EXPECT_FALSE(config.text_time() || config.use_linear_projection);
}

TEST(UNetConfigTest, UnsupportedValuesAreNamedWithKeyAndValue) {
  const std::pair<std::string, json> cases[] = {
      {"act_fn", "gelu"},
      {"addition_embed_type", "text"},
      {"class_embed_type", "timestep"},
      {"cross_attention_norm", "layer_norm"},
      {"dual_cross_attention", true},
      {"encoder_hid_dim", 768},
      {"mid_block_type", "UNetMidBlock2DSimpleCrossAttn"},
      {"num_attention_heads", 4},
      {"resnet_time_scale_shift", "spatial"},
      {"time_cond_proj_dim", 256},
      {"time_embedding_type", "fourier"},
      {"_class_name", "UNet2DModel"},
      {"down_block_types", json::array({"DownBlock2D", "AttnDownBlock2D", "DownBlock2D"})}};
  for (const auto& [key, value] : cases) {
    const std::string message = ErrorWith(key, value);
    EXPECT_THAT(message, HasSubstr(key));
    EXPECT_THAT(message, HasSubstr(value.is_array() ? "AttnDownBlock2D" : value.dump()));
    EXPECT_THAT(message, HasSubstr("supported"));
  }
}

TEST(UNetConfigTest, NumbersThatDoNotFitAreNamed) {
  const std::pair<std::string, json> cases[] = {
      {"attention_head_dim", json::array({2, 5, 4})},
      {"attention_head_dim", 0},
      {"block_out_channels", json::array({64, 97, 128})},
      {"block_out_channels", json::array()},
      {"conv_in_kernel", 4},
      {"cross_attention_dim", json::array({1, 2, 3})},
      {"down_block_types", json::array({"DownBlock2D"})},
      {"freq_shift", 16},
      {"layers_per_block", 0},
      {"mid_block_scale_factor", 0},
      {"norm_eps", -1},
      {"norm_num_groups", nullptr},
      {"only_cross_attention", json::array({true})},
      {"transformer_layers_per_block", json::array({1, json::array({1, 1}), 2})},
      {"transformer_layers_per_block", json::array({1, "two", 2})},
      {"transformer_layers_per_block", json::array({1, 0, 2})},
      {"transformer_layers_per_block", json::array({1, 2})}};
  for (const auto& [key, value] : cases)
    EXPECT_THAT(ErrorWith(key, value), HasSubstr(key)) << value;
}

TEST(UNetConfigTest, ReadsTheMidBlock) {
  EXPECT_EQ(With("mid_block_type", "UNetMidBlock2DCrossAttn").mid_block,
            UNetMidBlock::kCrossAttention);
  EXPECT_EQ(With("mid_block_type", "UNetMidBlock2D").mid_block, UNetMidBlock::kResnet);
  EXPECT_EQ(With("mid_block_type", nullptr).mid_block, UNetMidBlock::kNone);
}

TEST(UNetConfigTest, DepthsWithoutAttentionHaveNoEffect) {
  const UNetConfig config = With("transformer_layers_per_block", json::array({0, 1, 2}));
  EXPECT_FALSE(config.levels[0].down_attention || config.levels[0].up_attention);
  EXPECT_THAT(config.levels[0].down_depths, ElementsAre(0, 0));
}

TEST(UNetConfigTest, DropoutAndNullsOfFullFormsAreRead) {
  With("dropout", 0.1);
  With("sample_size", json::array({16, 16}));
  EXPECT_FALSE(With("use_linear_projection", nullptr).use_linear_projection);
  EXPECT_FALSE(With("center_input_sample", nullptr).center_input_sample);
}

TEST(UNetConfigTest, UnknownKeysAreNamed) {
  EXPECT_THAT(ErrorWith("use_magic", true), HasSubstr("use_magic"));
}

TEST(UNetConfigTest, KeysWithoutEffectAreAccepted) {
  EXPECT_TRUE(With("sample_size", json::array({128, 128})).text_time());
  EXPECT_TRUE(With("upcast_attention", nullptr).text_time());
  EXPECT_TRUE(With("resnet_out_scale_factor", 2.0).text_time());
}

TEST(UNetConfigTest, SurvivesDamagedFiles) {
  const auto tally = testing::ExpectCopySurvivesDamage(
      "testdata/tiny_sdxl/unet/config.json", {},
      [](const std::string& path) { return ReadUNetConfig(path).status(); });
  EXPECT_GT(tally.errors, 200u);
  EXPECT_LE(tally.legal_truncated, 1u);  // without its last line's end
}

}  // namespace
}  // namespace draftp
