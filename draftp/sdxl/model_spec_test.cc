#include "draftp/sdxl/model_spec.h"

#include <gtest/gtest.h>

namespace draftp {
namespace {

// Forge's detect_version asks for this architecture, or a base version that begins with "sdxl_";
// ModelSpec 1.0.1 for the others.
TEST(ModelSpecTest, AnSdxlAdapterSaysWhatForgeAndKohyaLookFor) {
  auto spec = ModelSpec({.title = "style", .sdxl = true, .lora = true, .velocity = true});
  EXPECT_EQ(spec.at("modelspec.architecture"), "stable-diffusion-xl-v1-base/lora");
  EXPECT_EQ(spec.at("ss_base_model_version"), "sdxl_base_v1-0");
  EXPECT_EQ(spec.at("ss_v2"), "False");
  EXPECT_EQ(spec.at("modelspec.prediction_type"), "v");
  EXPECT_EQ(spec.at("modelspec.title"), "style");
}

TEST(ModelSpecTest, AModelHasNoKeysOfATraining) {
  const auto spec = ModelSpec({.title = "m", .sdxl = true, .velocity = false});
  EXPECT_EQ(spec.at("modelspec.architecture"), "stable-diffusion-xl-v1-base");
  EXPECT_EQ(spec.at("modelspec.prediction_type"), "epsilon");
  for (const auto& [key, value] : spec) EXPECT_FALSE(key.starts_with("ss_")) << key;
}

TEST(ModelSpecTest, WhatIsntKnownIsntSaid) {
  const auto spec = ModelSpec({.title = "m"});
  EXPECT_EQ(spec.size(), 3u);
  EXPECT_EQ(spec.at("modelspec.sai_model_spec"), "1.0.1");
  EXPECT_EQ(spec.at("format"), "pt");
}

TEST(ModelSpecTest, SdxlsPromptsAreAsWideAsBothTowers) {
  EXPECT_TRUE(IsSdxlContext(768 + 1280));
  EXPECT_FALSE(IsSdxlContext(1280));  // its refiner's
  EXPECT_FALSE(IsSdxlContext(768));   // Stable Diffusion 1
}

}  // namespace
}  // namespace draftp
