#include "draftp/model/vae_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// The config of SDXL's VAE, with some keys replaced.
Json Sdxl(const Json& changes = Json::object()) {
  Json json = Json::parse(R"({
    "_class_name": "AutoencoderKL", "_diffusers_version": "0.20.0.dev0",
    "_name_or_path": "../sdxl-vae/", "act_fn": "silu", "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D",
                         "DownEncoderBlock2D"],
    "force_upcast": true, "in_channels": 3, "latent_channels": 4, "layers_per_block": 2,
    "norm_num_groups": 32, "out_channels": 3, "sample_size": 1024, "scaling_factor": 0.13025,
    "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D",
                       "UpDecoderBlock2D"]})");
  json.update(changes);
  return json;
}

std::string VaeError(const Json& changes) {
  return std::string(ParseVaeConfig(JsonReader("config.json", Sdxl(changes))).status().message());
}

TEST(VaeConfigTest, ReadsSdxls) {
  const auto config = ParseVaeConfig(JsonReader("config.json", Sdxl()));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->block_out_channels, ElementsAre(128, 256, 512, 512));
  EXPECT_EQ(config->Downsampling(), 8);
  EXPECT_EQ(config->scaling_factor, 0.13025);
  EXPECT_TRUE(config->use_post_quant_conv);
  EXPECT_TRUE(config->mid_block_add_attention);
  EXPECT_TRUE(config->latents_mean.empty());
}

TEST(VaeConfigTest, ReadsLatentStatistics) {
  const auto config = ReadVaeConfig("testdata/configs/vae_mean_std/config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->latents_mean, ElementsAre(-0.25, 0.125, 0.5, -0.75));
  EXPECT_THAT(config->latents_std, ElementsAre(0.5, 1.25, 0.75, 1.5));
  EXPECT_FALSE(config->use_post_quant_conv);
}

TEST(VaeConfigTest, RejectsWhatTheDecoderDoesNotHave) {
  EXPECT_THAT(VaeError({{"act_fn", "mish"}}),
              AllOf(HasSubstr("config.json: key \"act_fn\""), HasSubstr("silu")));
  EXPECT_THAT(VaeError({{"_class_name", "AutoencoderTiny"}}),
              HasSubstr("supported: AutoencoderKL"));
  EXPECT_THAT(VaeError({{"up_block_types", {"AttnUpDecoderBlock2D"}}}),
              HasSubstr("supported: UpDecoderBlock2D"));
  EXPECT_THAT(VaeError({{"out_channels", 4}}), HasSubstr("out_channels"));
  EXPECT_THAT(VaeError({{"spatial_norm", true}}), HasSubstr("\"spatial_norm\": unknown"));
}

TEST(VaeConfigTest, RejectsSizesThatCannotBe) {
  EXPECT_THAT(VaeError({{"norm_num_groups", 48}}), HasSubstr("a multiple of norm_num_groups, 48"));
  EXPECT_THAT(VaeError({{"norm_num_groups", 0}}), HasSubstr("norm_num_groups"));
  EXPECT_THAT(VaeError({{"up_block_types", {"UpDecoderBlock2D"}}}),
              HasSubstr("found 1 entries, expected 4"));
  EXPECT_THAT(VaeError({{"scaling_factor", 0.0}}), HasSubstr("scaling_factor"));
}

TEST(VaeConfigTest, RejectsHalfOrMixedLatentStatistics) {
  EXPECT_THAT(VaeError({{"latents_mean", {0, 0, 0, 0}}}), HasSubstr("without the other"));
  EXPECT_THAT(VaeError({{"latents_mean", {0, 0, 0}}}), HasSubstr("expected latent_channels, 4"));
  EXPECT_THAT(
      VaeError(
          {{"latents_mean", {0, 0, 0, 0}}, {"latents_std", {1, 1, 1, 1}}, {"shift_factor", 0.1}}),
      HasSubstr("shift_factor"));
}

TEST(VaeConfigTest, SurvivesDamagedFiles) {
  const auto tally = testing::ExpectCopySurvivesDamage(
      "testdata/tiny_sdxl/vae/config.json", {},
      [](const std::string& path) { return ReadVaeConfig(path).status(); });
  EXPECT_GT(tally.errors, 200u);
  EXPECT_LE(tally.legal_truncated, 1u);  // without its last line's end
}

}  // namespace
}  // namespace draftp
