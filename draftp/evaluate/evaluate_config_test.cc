#include "draftp/evaluate/evaluate_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "draftp/config/config_json.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;

absl::StatusOr<EvaluateConfig> Load(const std::vector<std::string>& arguments,
                                    const std::string& embedded = "/bundle") {
  auto loaded = LoadEvaluateConfig(arguments, "/home/me", embedded);
  if (!loaded.ok()) return loaded.status();
  return loaded->config;
}

TEST(EvaluateConfigTest, WithoutAFlagTheEmbeddedModelsCurve) {
  const auto config = Load({});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->draw.model, "/bundle");
  EXPECT_THAT(config->lora, ElementsAre("/bundle/lora"));
  EXPECT_THAT(config->reward, ElementsAre("/bundle/reward_model"));
  EXPECT_EQ(config->weight_type.size(), 6u);
  EXPECT_EQ(config->lora_scale.size(), 4u);
  EXPECT_EQ(config->draw.max_prompts, 6);
  EXPECT_EQ(config->images_per_prompt, 16);
  EXPECT_EQ(config->draw.sampling.steps, 10);
}

TEST(EvaluateConfigTest, AnothersModelTakesTheStepsOfOtherPrograms) {
  const auto config =
      Load({"--model=sdxl", "--lora=mine", "--prompts=p.txt", "--reward=pickscore"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->draw.sampling.steps, 25);
  EXPECT_EQ(config->draw.max_prompts, 0);
  EXPECT_THAT(config->lora, ElementsAre("/home/me/mine"));
}

TEST(EvaluateConfigTest, StepsThatAreTypedCountForTheEmbeddedModel) {
  EXPECT_EQ(Load({"--steps=25"})->draw.sampling.steps, 25);
}

TEST(EvaluateConfigTest, PicturesAloneDrawNothing) {
  const auto config = Load({"--pictures=drawn", "--reward=pickscore"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_FALSE(Draws(*config));
  EXPECT_THAT(config->draw.model, IsEmpty());
  EXPECT_FALSE(HasScales(*config));
}

TEST(EvaluateConfigTest, ATrainingRunIsComparedByItsSteps) {
  const auto config = Load({"--checkpoints=run"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->weight_type, ElementsAre("draft"));
  EXPECT_FALSE(HasScales(*config));
  EXPECT_THAT(config->lora, IsEmpty());
}

TEST(EvaluateConfigTest, NoScalesCanBeAskedFor) {
  EXPECT_FALSE(HasScales(*Load({"--lora_scale=none"})));
}

TEST(EvaluateConfigTest, MistakesNameTheFlag) {
  EXPECT_THAT(Load({"--pictures=drawn"}), FailsWith("--reward: found none"));
  EXPECT_THAT(Load({"--lora=a", "--tuned=b"}), FailsWith("--tuned: found it beside --lora"));
  EXPECT_THAT(Load({"--lora=a", "--checkpoints=b"}),
              FailsWith("--checkpoints: found it beside --lora"));
  EXPECT_THAT(Load({"--tuned=b", "--lora_scale=0.5"}),
              FailsWith("--lora_scale: found it beside --tuned"));
  EXPECT_THAT(Load({"--lora_scale=half"}), FailsWith("--lora_scale: found \"half\""));
  EXPECT_THAT(Load({"--model=sdxl", "--lora=a", "--reward=r"}), FailsWith("--prompt: found none"));
  EXPECT_THAT(Load({}, /*embedded=*/""), FailsWith("--reward: found none"));
  EXPECT_THAT(Load({"--least_diversity=-1"}), FailsWith("--least_diversity: found"));
}

class PrintedConfigTest : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(PrintedConfigTest, RepeatsTheConfig) {
  testing::TemporaryFolder folder;
  const auto config = Load(GetParam());
  ASSERT_TRUE(config.ok()) << config.status();
  const std::string file = folder.Write(
      "run.json",
      nlohmann::ordered_json{{"config", ConfigValuesToJson(EvaluateTable().Print(*config))}}
          .dump());
  const auto again = Load({"--config=" + file});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *config);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PrintedConfigTest,
    ::testing::Values(std::vector<std::string>{},
                      std::vector<std::string>{"--checkpoints=run", "--steps=7", "--seed=5",
                                               "--least_diversity=0.9"},
                      std::vector<std::string>{"--pictures=drawn", "--reward=pickscore"},
                      std::vector<std::string>{"--model=sdxl", "--tuned=mine", "--prompt=a",
                                               "--reward=pickscore"}));

}  // namespace
}  // namespace draftp
