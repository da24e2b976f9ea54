// What a training run tells of its validations and settings, and that a damaged log goes on.
#include "draftp/train/training_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

ValidationRecord Record() {
  ValidationRecord record{.step = 50, .scores = {}, .best_step = 50, .best_reward = 31.2};
  record.scores.tuned.reward = 31.2;
  record.scores.base.reward = 30.8;
  return record;
}

TEST(DescribeValidationTest, LeavesOutWhatHasNoValue) {
  EXPECT_EQ(DescribeValidation(Record()),
            "validation at step 50: reward 31.200 (base 30.800); the best so far");
}

TEST(DescribeValidationTest, SaysHeldOutRewardsDiversityAndTheBestStep) {
  ValidationRecord record = Record();
  record.scores.held_out_name = "PickScore";
  record.scores.tuned.held_out = 5.1;
  record.scores.base.held_out = 5;
  record.scores.tuned.diversity = 0.05;
  record.scores.base.diversity = 0.0625;
  record.best_step = 40;
  record.best_reward = 31.5;
  EXPECT_EQ(DescribeValidation(record),
            "validation at step 50: reward 31.200 (base 30.800), held-out PickScore 5.100 (base "
            "5.000), diversity 0.050 (base 0.062); the best is 31.500 at step 40");
}

absl::Status Validate(const TemporaryFolder& folder, const ValidationRecord& record,
                      std::ostream& out) {
  Notices notices(out, {.program = "train"});
  auto log =
      TrainingLog::Open(notices, {.output_dir = folder.path(),
                                  .first_step = 50,
                                  .max_steps = 64,
                                  .settings = {{"lr", ConfigValue::Number("0.002")},
                                               {"ema", ConfigValue::Bool(true)},
                                               {"output_dir", ConfigValue::Text("/home/me")}}});
  if (!log.ok()) return log.status();
  if (absl::Status added = log->Add(record, FilledImage(4, 4, 0, 0, 0)); !added.ok()) return added;
  return log->Close();
}

std::string Events(const TemporaryFolder& folder) {
  std::string bytes;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "tensorboard"))
    bytes += Contents(entry.path());
  return bytes;
}

TEST(TrainingLogTest, EachOfSeveralRewardsIsLogged) {
  const TemporaryFolder folder;
  ValidationRecord record = Record();
  record.scores.tuned.rewards = {{"a", 1.5}, {"b", std::numeric_limits<double>::quiet_NaN()}};
  record.scores.tuned.held_out_rewards = {{"c", 2.5}, {"d", 3.5}};
  std::ostringstream out;
  ASSERT_EQ(Validate(folder, record, out), absl::OkStatus());
  const auto json = nlohmann::json::parse(Contents(folder / "validation.jsonl"));
  EXPECT_EQ(json["tuned"]["rewards"]["a"], 1.5);
  EXPECT_TRUE(json["tuned"]["rewards"]["b"].is_null());
  EXPECT_EQ(json["tuned"]["held_out_rewards"]["d"], 3.5);
  const std::string events = Events(folder);
  for (const char* tag : {"validation_reward/a", "validation_held_out/d", "validation/best_step",
                          "validation/best_reward", "_hparams_/session_start_info"})
    EXPECT_THAT(events, HasSubstr(tag));
  EXPECT_THAT(events, Not(HasSubstr("validation/held_out")));  // no value
  EXPECT_THAT(events, HasSubstr("    output_dir               /home/me\n"));
}

TEST(TrainingLogTest, DamagedLogsGoOnWithAWarning) {
  const TemporaryFolder folder;
  folder.Write("log.jsonl", "{\"step\":49}\nlr raised here\n{\"step\":50}\n{\"step\":51}\n");
  folder.Write("validation.jsonl", "[]\n");
  std::ostringstream out;
  ASSERT_EQ(Validate(folder, Record(), out), absl::OkStatus());
  EXPECT_EQ(Contents(folder / "log.jsonl"), "{\"step\":49}\n{\"step\":50}\n");
  EXPECT_THAT(out.str(), HasSubstr("warning: " + (folder / "log.jsonl: line 2: isn't valid JSON")));
  EXPECT_THAT(out.str(), HasSubstr("warning: " + (folder / "validation.jsonl: line 1: found")));
}

}  // namespace
}  // namespace draftp
