#include "draftp/evaluate/evaluation_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;

std::vector<std::string> NamesOf(const EvaluationRun& run) {
  std::vector<std::string> names;
  for (const EvaluationColumn& column : run.columns) names.push_back(column.name);
  return names;
}

TEST(EvaluationPlanTest, OneAdapterIsOneRunWithEveryColumn) {
  EvaluateConfig config;
  config.lora = {"mine.safetensors"};
  config.weight_type = {"base", "draft", "linear"};
  config.lora_scale = {"0.4"};
  config.draw.sampling.steps = 4;
  const auto runs = PlanEvaluation(config);
  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->size(), 1u);
  EXPECT_EQ(runs->front().name, "");
  EXPECT_THAT(NamesOf(runs->front()), ElementsAre("base", "draft", "linear", "weights(0.4)"));
  EXPECT_THAT(runs->front().config.weight_type,
              ElementsAre("base", "draft", "linear", "weights(0.4)"));
  EXPECT_TRUE(runs->front().config.skip_existing);
  const auto& columns = runs->front().columns;
  EXPECT_EQ(columns[1].family, "annealed");
  EXPECT_DOUBLE_EQ(columns[1].parameter, 1.0);
  EXPECT_DOUBLE_EQ(columns[2].parameter, (0.0 + 0.25 + 0.5 + 0.75) / 4);
  EXPECT_EQ(columns[3].family, "LoRA scale");
  EXPECT_DOUBLE_EQ(columns[3].parameter, 0.4);
}

TEST(EvaluationPlanTest, BaseIsDrawnOnceAndComesFirst) {
  EvaluateConfig config;
  config.lora = {"a/pytorch_lora_weights.safetensors", "b.safetensors:linear", "c/b.safetensors"};
  config.weight_type = {"draft"};
  config.lora_scale = {"none"};
  const auto runs = PlanEvaluation(config);
  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->size(), 3u);
  EXPECT_THAT(NamesOf((*runs)[0]), ElementsAre("base", "a/draft"));
  EXPECT_THAT(NamesOf((*runs)[1]), ElementsAre("b/linear"));
  EXPECT_THAT(NamesOf((*runs)[2]), ElementsAre("b_2/draft"));
  EXPECT_EQ((*runs)[1].config.lora, std::vector<std::string>{"b.safetensors"});
}

TEST(EvaluationPlanTest, ATrainingRunIsAPointForEachStepInOrder) {
  testing::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "adapters");
  for (const char* name :
       {"step_100.safetensors", "step_20.safetensors", "step_x.safetensors", "notes.txt"})
    folder.Write(std::string("adapters/") + name, "");
  EvaluateConfig config;
  config.checkpoints = folder.path();
  config.weight_type = {"draft"};
  config.lora_scale = {"none"};
  const auto runs = PlanEvaluation(config);
  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->size(), 2u);
  EXPECT_THAT(NamesOf((*runs)[0]), ElementsAre("base", "step_20"));
  EXPECT_THAT(NamesOf((*runs)[1]), ElementsAre("step_100"));
  EXPECT_EQ((*runs)[1].columns[0].family, "training steps");
  EXPECT_DOUBLE_EQ((*runs)[1].columns[0].parameter, 100);
}

TEST(EvaluationPlanTest, ATrainingRunWithoutAdaptersIsAnErrorThatNamesTheFlag) {
  testing::TemporaryFolder folder;
  EvaluateConfig config;
  config.checkpoints = folder.path();
  EXPECT_THAT(PlanEvaluation(config), FailsWith("--checkpoints: found no adapters/step_N"));
}

TEST(EvaluationPlanTest, WhatIsNoPlainWeightIsAFamilyOfItsOwn) {
  EvaluateConfig config;
  config.lora = {"a"};
  config.weight_type = {"projected(0.5)", "step_2@sigma"};
  config.lora_scale = {"none"};
  const auto runs = PlanEvaluation(config);
  ASSERT_TRUE(runs.ok()) << runs.status();
  EXPECT_EQ(runs->front().columns[1].family, "projected");
  EXPECT_TRUE(std::isnan(runs->front().columns[1].parameter));
  EXPECT_TRUE(std::isnan(runs->front().columns[2].parameter));
}

}  // namespace
}  // namespace draftp
