#include "draftp/model/pipeline_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

// The embedded model's, with some keys replaced, or removed by null.
absl::StatusOr<PipelineConfig> ParsePipeline(const Json& changes) {
  Json json = *ReadJsonFile("testdata/tiny_sdxl/model_index.json");
  json.merge_patch(changes);
  return ParsePipelineConfig(JsonReader("model_index.json", json));
}

std::string PipelineError(const Json& changes) {
  return std::string(ParsePipeline(changes).status().message());
}

TEST(PipelineConfigTest, ReadsTheEmbeddedModels) {
  const auto config = ReadPipelineConfig("testdata/tiny_sdxl/model_index.json");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->force_zeros_for_empty_prompt);
}

TEST(PipelineConfigTest, ForcesZerosUnlessToldOtherwise) {
  EXPECT_TRUE(
      ParsePipeline({{"force_zeros_for_empty_prompt", nullptr}})->force_zeros_for_empty_prompt);
  EXPECT_FALSE(
      ParsePipeline({{"force_zeros_for_empty_prompt", false}})->force_zeros_for_empty_prompt);
}

TEST(PipelineConfigTest, TakesEveryPipelineOfTheSameParts) {
  for (const char* name :
       {"StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline",
        "StableDiffusionXLControlNetPipeline", "StableDiffusionXLControlNetInpaintPipeline",
        "StableDiffusionXLAdapterPipeline", "StableDiffusionXLPAGPipeline"})
    EXPECT_TRUE(ParsePipeline({{"_class_name", name},
                               {"requires_aesthetics_score", false},
                               {"feature_extractor", {nullptr, nullptr}},
                               {"controlnet", {"diffusers", "ControlNetModel"}}})
                    .ok())
        << name;
}

TEST(PipelineConfigTest, RejectsOtherPipelinesAndComponents) {
  EXPECT_EQ(PipelineError({{"_class_name", "StableDiffusionPipeline"}}),
            R"(model_index.json: key "_class_name": found "StableDiffusionPipeline", )"
            "supported: StableDiffusionXL...Pipeline");
  EXPECT_THAT(PipelineError({{"text_encoder_2", {"transformers", "T5EncoderModel"}}}),
              HasSubstr("supported: CLIPTextModelWithProjection"));
  EXPECT_THAT(PipelineError({{"vae", nullptr}}), HasSubstr("\"vae\": found nothing"));
  EXPECT_THAT(PipelineError({{"prior", {"diffusers", "PriorTransformer"}}}),
              HasSubstr("\"prior\": unknown"));
  EXPECT_THAT(PipelineError({{"requires_aesthetics_score", true}}),
              HasSubstr("requires_aesthetics_score"));
}

TEST(PipelineConfigTest, SurvivesDamagedFiles) {
  const auto tally = testing::ExpectCopySurvivesDamage(
      "testdata/tiny_sdxl/model_index.json", {},
      [](const std::string& path) { return ReadPipelineConfig(path).status(); });
  EXPECT_GT(tally.errors, 200u);
  EXPECT_LE(tally.legal_truncated, 1u);  // without its last line's end
}

}  // namespace
}  // namespace draftp
