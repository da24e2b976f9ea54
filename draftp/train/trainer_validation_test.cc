// Validations of runs on the embedded model: what they write and keep, and when they end a run.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/test_files.h"
#include "draftp/train/checkpoint.h"
#include "draftp/train/small_training.h"
#include "draftp/train/step_adapters.h"
#include "draftp/train/trainer.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::HasSubstr;
using testing::Small;
using testing::Steps;
using testing::TemporaryFolder;
using testing::Train;

TEST(TrainerValidation, ValidatesBothModelsAndWritesAReport) {
  const TemporaryFolder folder;
  TrainConfig config = Small(folder / "run");
  config.max_steps = 1;
  config.val_check_interval = 1;
  config.validation_images = 2;
  ASSERT_EQ(Train(config), absl::OkStatus());
  std::ifstream file(config.output_dir + "/validation.jsonl");
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  const auto first = nlohmann::json::parse(line);
  // B is zero: both models are the same before the first step.
  EXPECT_EQ(first.at("drift"), 0.0);
  EXPECT_EQ(first.at("tuned").at("reward"), first.at("base").at("reward"));
  EXPECT_TRUE(std::filesystem::exists(config.output_dir + "/validation/step_00000001.png"));
  EXPECT_THAT(Contents(config.output_dir + "/report.html"), HasSubstr("Validation reward"));
  EXPECT_THAT(Contents(config.output_dir + "/README.md"),
              HasSubstr("validation/step_00000001.png"));
}

// One step between validations of one picture.
TrainConfig Validated(const std::string& output_dir) {
  TrainConfig config = Small(output_dir);
  config.max_steps = 2;
  config.val_check_interval = 1;
  config.validation_images = config.images_per_prompt = 1;
  return config;
}

std::vector<std::string> Adapters(const TrainConfig& config) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(config.output_dir + "/adapters", error)) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

TEST(TrainerValidation, KeepsTheAdapterOfEachValidationInHalfTheBytes) {
  const TemporaryFolder folder;
  TrainConfig config = Validated(folder / "run");
  ASSERT_EQ(Train(config), absl::OkStatus());
  EXPECT_THAT(Adapters(config),
              ElementsAre("step_00000000.safetensors", "step_00000001.safetensors",
                          "step_00000002.safetensors"));
  const auto kept = SafetensorsFile::Open(StepAdapterPath(config.output_dir, 1));
  const auto whole = SafetensorsFile::Open(CheckpointPath(config.output_dir, 1) +
                                           "/pytorch_lora_weights.safetensors");
  ASSERT_TRUE(kept.ok() && whole.ok()) << kept.status() << whole.status();
  EXPECT_EQ((*kept)->metadata(), (*whole)->metadata());
  EXPECT_EQ((*kept)->names(), (*whole)->names());
  for (const std::string& name : (*whole)->names()) {
    const at::Tensor half = *(*kept)->Tensor(name);
    EXPECT_EQ(half.scalar_type(), at::kBFloat16) << name;
    EXPECT_TRUE(at::equal(half, (*whole)->Tensor(name)->to(at::kBFloat16))) << name;
  }
  // A run that was interrupted writes the same.
  TrainConfig parts = config;
  parts.output_dir = folder / "parts";
  for (parts.max_steps = 1; parts.max_steps <= 2; ++parts.max_steps)
    ASSERT_EQ(Train(parts), absl::OkStatus());
  for (int64_t step = 0; step <= 2; ++step) {
    EXPECT_EQ(Contents(StepAdapterPath(parts.output_dir, step)),
              Contents(StepAdapterPath(config.output_dir, step)));
  }
}

TEST(TrainerValidation, KeepsAsManyAdaptersAsItIsTold) {
  const TemporaryFolder folder;
  TrainConfig config = Validated(folder / "run");
  config.keep_adapters = 2;
  std::filesystem::create_directories(config.output_dir + "/adapters");
  std::ofstream(config.output_dir + "/adapters/step_0.safetensors") << "somebody's";
  ASSERT_EQ(Train(config), absl::OkStatus());
  EXPECT_THAT(Adapters(config), ElementsAre("step_0.safetensors", "step_00000001.safetensors",
                                            "step_00000002.safetensors"));
  config.keep_adapters = 0;
  config.output_dir = folder / "none";
  ASSERT_EQ(Train(config), absl::OkStatus());
  EXPECT_FALSE(std::filesystem::exists(config.output_dir + "/adapters"));
  config.keep_adapters = -1;
  config.lora_rank = 0;
  config.max_steps = 1;
  config.output_dir = folder / "full";
  ASSERT_EQ(Train(config), absl::OkStatus());
  EXPECT_FALSE(std::filesystem::exists(config.output_dir + "/adapters"));
}

TEST(TrainerValidation, EndsWhenAStopRuleHoldsAndSaysSo) {
  const TemporaryFolder folder;
  TrainConfig config = Validated(folder / "run");
  config.validation_reward = {config.reward[0] + ":-1"};  // falls as the trained one rises
  config.stop_when = *ParseStopRules("reward(1e6),held_out_falls(1)");
  config.lr = ConstantRate(10);
  config.max_steps = 30;
  StopRequest stop;
  std::ostringstream log;
  ASSERT_EQ(RunTraining(config, stop, log, false), absl::OkStatus());
  const std::string reason = "--stop_when held_out_falls(1): the held-out reward, ";
  EXPECT_THAT(log.str(), HasSubstr("stopped at step 1 of 30 by " + reason));
  EXPECT_THAT(Contents(config.output_dir + "/report.html"), HasSubstr("by " + reason));
  const auto record = nlohmann::json::parse(Contents(config.output_dir + "/run.json"));
  EXPECT_THAT(record.at("result").at("ended").get<std::string>(), HasSubstr(reason));
  // The same command again: the same end, by the best that the checkpoint knows.
  std::ostringstream again;
  ASSERT_EQ(RunTraining(config, stop, again, false), absl::OkStatus());
  EXPECT_THAT(again.str(), HasSubstr("stopped at step 1 of 30 by " + reason));
  EXPECT_EQ(Steps(config.output_dir).size(), 1u);
}

TEST(TrainerValidation, ADiversityThatNothingMeasuresIsAnError) {
  const TemporaryFolder folder;
  TrainConfig config = Validated(folder / "run");
  const std::string blind = folder.Write("draftp_reward.json", R"({"kind": "brightness"})");
  config.reward = {std::filesystem::path(blind).parent_path()};
  config.stop_when = *ParseStopRules("diversity(0.8)");
  EXPECT_THAT(Train(config), FailsWith("--stop_when: found diversity(0.8), expected a --reward "
                                       "with an image tower"));
}

}  // namespace
}  // namespace draftp
