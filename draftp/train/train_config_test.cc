// Tests of the training run's settings: sources, rules, docs.
#include "draftp/train/train_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "draftp/io/config_help.h"
#include "draftp/io/config_json.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::Contains;
using testing::Contents;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using Words = std::vector<std::string>;

absl::StatusOr<LoadedConfig<TrainConfig>> Load(Words arguments) {
  const Words base = {"--model=sdxl", "--reward=pickscore:0.5,hps", "--prompts=a.txt,b/*.tar"};
  arguments.insert(arguments.begin(), base.begin(), base.end());
  return LoadTrainConfig(arguments, "/home", "");
}

TEST(TrainConfig, PathsOfListsStartAtTheUsersFolder) {
  const TrainConfig config = Load({"--resume=run/checkpoints/step_1"})->config;
  EXPECT_THAT(config.reward, ElementsAre("/home/pickscore:0.5", "/home/hps"));
  EXPECT_THAT(config.prompts, ElementsAre("/home/a.txt", "/home/b/*.tar"));
  EXPECT_EQ(config.resume, "/home/run/checkpoints/step_1");
  EXPECT_EQ(Load({})->config.resume, "auto");
}

TEST(TrainConfig, ReadsTheOriginalsSettings) {
  const auto loaded =
      LoadTrainConfig({"--config=testdata/config/original_training.yaml", "--prompts=p.txt"},
                      std::filesystem::current_path(), "");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const TrainConfig& config = loaded->config;
  EXPECT_EQ(config.steps, 40);
  EXPECT_EQ(config.truncation_steps, 1);
  EXPECT_EQ(config.kl_coeff, "0.1");
  EXPECT_EQ(config.lr, 2.5e-4);
  EXPECT_EQ(config.global_batch_size, 32);
  EXPECT_EQ(config.lora_rank, 32);
  EXPECT_THAT(config.target_modules, ElementsAre("sdlora"));
  EXPECT_TRUE(config.ema);
  EXPECT_TRUE(config.activation_checkpointing);
  EXPECT_TRUE(config.Recomputes("reward"));
  EXPECT_EQ(config.save_interval, 200);
  EXPECT_THAT(loaded->notices, Contains(HasSubstr("trainer.devices")));
}

TEST(TrainConfig, NamesTheFlagOfEachMistake) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"--truncation_steps=26", "--truncation_steps: found 26, expected at most --steps 25"},
      {"--truncation_steps=0", "--truncation_steps: found \"0\""},
      {"--global_batch_size=5 --micro_batch_size=2", "a multiple of --micro_batch_size 2"},
      {"--lr=0", "--lr: found \"0\""},
      {"--lr=-1", "--lr: found \"-1\""},
      {"--betas=0.9", "--betas: found \"0.9\""},
      {"--betas=0.9,1", "--betas"},
      {"--kl_coeff=much", "--kl_coeff"},
      {"--objective=ddpo", "--objective: found \"ddpo\""},
      {"--height=60", "--height: found 60, expected a multiple of 8"},
      {"--late_steps=30", "--late_steps: found 30"},
      {"--lora_rank=0 --lora=a", "--lora: found it beside full fine-tuning"},
      {"--recomputed_parts=vae", "--recomputed_parts: found \"vae\""},
      {"--trunc_steps=1", "--trunc_steps"},
      {"exp_manager.create_wandb_logger=true", "log.jsonl"}};
  for (const auto& [line, message] : mistakes) {
    Words words;
    std::istringstream stream(line);
    for (std::string word; stream >> word;) words.push_back(word);
    EXPECT_THAT(Load(words), FailsWith(message)) << line;
  }
  EXPECT_THAT(LoadTrainConfig({"--model=a"}, "/", ""), FailsWith("--reward: found none"));
}

TEST(TrainConfig, TakesTheEmbeddedRecipeWithoutAModel) {
  const TemporaryFolder folder;
  folder.Write("train.yaml", "steps: 7\nlr: 0.002\n");
  const auto loaded = LoadTrainConfig({"--lr=0.001"}, "/", folder.path());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config.steps, 7);
  EXPECT_EQ(loaded->config.lr, 0.001);
  EXPECT_EQ(loaded->config.model, folder.path());
  EXPECT_THAT(loaded->config.reward, ElementsAre(folder / "reward_model"));
  EXPECT_THAT(loaded->notices, Contains(HasSubstr("train.yaml")));
}

TEST(TrainConfig, ARunsRecordRepeatsItExactly) {
  const TemporaryFolder folder;
  const TrainConfig config =
      Load({"--peft_scheme=sdlora", "--kl_coeff=linear(1,0.1,200)", "--seed=18446744073709551615"})
          ->config;
  const std::string path = folder / "run.json";
  std::ofstream(path) << nlohmann::ordered_json{
      {"config", ConfigValuesToJson(TrainTable().Print(config))}};
  const auto loaded = LoadTrainConfig({"--config=" + path}, "/", "");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->config, config);
}

TEST(TrainConfig, TheDocsHaveTheTable) {
  const std::string document = Contents("docs/training.md");
  const auto expected =
      ReplaceMarkedTable(document, "train", ConfigMarkdown(TrainTable().schema()));
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_TRUE(document == *expected)
      << "docs/training.md differs from the table; regenerate it with\n"
         "  bazel run //draftp/train:train_config_docs -- docs/training.md";
}

}  // namespace
}  // namespace draftp
