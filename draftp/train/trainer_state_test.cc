#include "draftp/train/trainer_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::FailsWith;

CheckpointRecord Whole() {
  return {.state = {.step = 7,
                    .consumed_samples = 28,
                    .kl_coefficient = 0.25,
                    .skipped_steps = 2,
                    .skipped_in_a_row = 1,
                    .best_reward = -3.5,
                    .best_step = 4,
                    .best_held_out = 0.25,
                    .best_held_out_step = 3,
                    .held_out = "hps",
                    .validation = "ab",
                    .seconds = {{"total", 12.5}},
                    .changes = {{.step = 3, .what = "--lr was 1, is 2"}}},
          .optimizer_steps = 5,
          .full = true,
          .identity = RunIdentity{{{"lr", "2"}}, {{"captions", "cd"}}},
          .config = {{"lr", 2}}};
}

TEST(TrainerJson, ReadsBackWhatItWrote) {
  const CheckpointRecord whole = Whole();
  const auto read = ParseTrainerJson("trainer.json", ToJsonText(whole));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->state, whole.state);
  EXPECT_EQ(read->optimizer_steps, 5);
  EXPECT_TRUE(read->full);
  EXPECT_EQ(read->identity, whole.identity);
  EXPECT_EQ(read->config, whole.config);
}

TEST(TrainerJson, ABestRewardIsOptional) {
  CheckpointRecord record = Whole();
  record.state.best_reward.reset();
  record.state.best_held_out.reset();
  const auto read = ParseTrainerJson("trainer.json", ToJsonText(record));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->state.best_reward, std::nullopt);
  EXPECT_EQ(read->state, record.state);
}

TEST(TrainerJson, EveryCutIsAnError) {
  const std::string text = ToJsonText(Whole());
  for (size_t size = 0; size + 2 < text.size(); ++size)
    EXPECT_FALSE(ParseTrainerJson("trainer.json", text.substr(0, size)).ok()) << size;
}

TEST(TrainerJson, ValuesOutOfRangeAreNamed) {
  const auto with = [](const std::string& pointer, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(ToJsonText(Whole()));
    json[nlohmann::json::json_pointer(pointer)] = value;
    return ParseTrainerJson("trainer.json", json.dump());
  };
  EXPECT_THAT(with("/state/step", -1), FailsWith("step"));
  EXPECT_THAT(with("/state/step", 3), FailsWith("step"));  // best_step is 4
  EXPECT_THAT(with("/state/best_held_out_step", 8), FailsWith("step"));
  EXPECT_THAT(with("/state/best_held_out", "high"), FailsWith("best_held_out"));
  EXPECT_THAT(with("/state/skipped_in_a_row", 3), FailsWith("step"));
  EXPECT_THAT(with("/state/kl_coefficient", -0.1), FailsWith("kl_coefficient"));
  EXPECT_THAT(with("/state/seconds", 3), FailsWith("seconds"));
  EXPECT_THAT(with("/state/changes", {{{"step", 1}}}), FailsWith("changes"));
  EXPECT_THAT(with("/optimizer_steps", 8), FailsWith("optimizer_steps"));
  EXPECT_THAT(with("/identity", 3), FailsWith("identity"));
  EXPECT_THAT(with("/config", 3), FailsWith("config"));
}

TEST(TrainerJson, DeepOrLongTextsAreErrors) {
  EXPECT_FALSE(ParseTrainerJson("trainer.json", std::string(1 << 20, '[')).ok());
  EXPECT_THAT(ParseTrainerJson("trainer.json", std::string((1 << 20) + 1, ' ')),
              FailsWith("found 1048577 bytes"));
}

}  // namespace
}  // namespace draftp
