#include "draftp/checkpoint/clip_sizes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "draftp/checkpoint/hugging_face_layout.h"
#include "draftp/checkpoint/open_clip_layout.h"
#include "draftp/io/json_file.h"

namespace draftp {
namespace {

WeightMap TodaysWeights(const std::string& folder) {
  return *HuggingFaceLayout::TodaysNames(*WeightMap::Open(folder, "model"));
}

// Each size against the config.json that transformers wrote beside the weights.
void ExpectAsInConfig(const nlohmann::json& sizes, const nlohmann::json& config) {
  for (const auto& [key, value] : sizes.items()) {
    if (!config.contains(key)) continue;  // transformers' default
    EXPECT_EQ(value, config[key]) << key;
  }
  for (const char* key : {"hidden_size", "intermediate_size", "num_hidden_layers"})
    EXPECT_TRUE(config.contains(key)) << key;
}

TEST(ClipSizesTest, OfTextTowersAreThoseOfTheConfig) {
  for (const std::string folder :
       {"testdata/tiny_sdxl/text_encoder", "testdata/tiny_sdxl/text_encoder_2",
        "testdata/configs/clip_text_gelu", "testdata/configs/clip_text_eos2"}) {
    const auto sizes = ClipTextSizes(TodaysWeights(folder));
    ASSERT_TRUE(sizes.ok()) << sizes.status();
    ExpectAsInConfig(*sizes, *ReadJsonFile(folder + "/config.json"));
  }
}

TEST(ClipSizesTest, OfImageTowersAreThoseOfTheConfig) {
  for (const std::string folder : {"testdata/tiny_sdxl/reward_model"}) {
    const auto sizes = ClipImageSizes(TodaysWeights(folder));
    ASSERT_TRUE(sizes.ok()) << sizes.status();
    const nlohmann::json config = *ReadJsonFile(folder + "/config.json");
    nlohmann::json vision = config["vision_config"];
    vision["projection_dim"] = config["projection_dim"];
    ExpectAsInConfig(*sizes, vision);
  }
}

}  // namespace
}  // namespace draftp
