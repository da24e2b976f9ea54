// What the real training program says of itself is true, which runs it goes on with, and what it
// writes replaces nothing of others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "draftp/io/test_files.h"
#include "tools/program.h"
#include "tools/record_fixture.h"
#include "tools/small_run.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::AwaitSteps;
using testing::Contents;
using testing::Ended;
using ::testing::HasSubstr;
using testing::Json;
using ::testing::Not;
using testing::Program;
using testing::RecordTest;
using testing::Replacing;
using testing::TinyModel;
using testing::Words;

ino_t Inode(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_ino;
}

TEST_F(RecordTest, AFinishedRunSaysSoAndTrainsNothing) {
  ASSERT_EQ(Train({OutFlag()}).code, 0);
  const std::string record = Contents(Out("run.json"));
  const Ended again = Train({OutFlag()});
  EXPECT_EQ(again.code, 0);
  EXPECT_THAT(again.error, HasSubstr("nothing to train: the run in "));
  EXPECT_THAT(again.error, Not(HasSubstr("report.html in")));
  EXPECT_EQ(Contents(Out("run.json")), record);
}

TEST_F(RecordTest, WhatDecidesTheRunIsComparedByContents) {
  ASSERT_EQ(Train({OutFlag(), "--lr=1e-3"}).code, 0);
  const std::string record = Contents(Out("run.json")), report = Contents(Out("report.html"));
  const auto refused = [&](const Words& more, const std::string& what) {
    Words words = {OutFlag(), "--lr=1e-3", "--max_steps=3"};
    const Ended ended = Train(Replacing(words, more));
    EXPECT_EQ(ended.code, 2) << ended.error;
    EXPECT_THAT(ended.error, HasSubstr(what));
    EXPECT_THAT(ended.error, HasSubstr("another --output_dir, or --resume_changed"));
    EXPECT_EQ(Contents(Out("run.json")), record);
    EXPECT_EQ(Contents(Out("report.html")), report);
  };
  refused({"--lr=2e-3"}, "--lr was 0.001, is 0.002");
  refused({"--seed=5"}, "--seed was 1243, is 5");
  refused({"--objective=refl"}, "--objective was draft_k, is refl");
  refused({"--reward=" + TinyModel() + "/reward_model"}, "reward 1/model.safetensors");
  folder_.Write("captions.txt", "a blue star\na red circle\n");  // in another order
  refused({}, "captions (SHA-256) was ");
  folder_.Write("captions.txt", "a red circle\na blue star\n");
  folder_.Write("reward/draftp_reward.json", R"({"kind": "target_colour", "colour": [0, 255, 0]})");
  refused({}, "reward 1/draftp_reward.json (SHA-256) was ");
}

TEST_F(RecordTest, TheSameContentsElsewhereAreTheSameRun) {
  ASSERT_EQ(Train({OutFlag()}).code, 0);
  fs::copy(folder_ / "reward", folder_ / "moved", fs::copy_options::recursive);
  fs::copy(folder_ / "captions.txt", folder_ / "moved.txt");
  const Ended on = Train({OutFlag(), "--reward=" + (folder_ / "moved"),
                          "--prompts=" + (folder_ / "moved.txt"), "--max_steps=3"});
  EXPECT_EQ(on.code, 0) << on.error;
  EXPECT_THAT(on.error, HasSubstr("goes on after step 2"));
}

TEST_F(RecordTest, GoingOnWithAChangeIsToldEverywhere) {
  const Words constant = {OutFlag(), "--lr_schedule=constant"};
  ASSERT_EQ(Train(Replacing(constant, {"--lr=1e-3"})).code, 0);
  const Ended on = Train(Replacing(constant, {"--lr=2e-3", "--max_steps=3", "--resume_changed"}));
  ASSERT_EQ(on.code, 0) << on.error;
  EXPECT_THAT(on.error, HasSubstr("after step 2: --lr was 0.001, is 0.002"));
  EXPECT_THAT(Contents(Out("report.html")), HasSubstr("--lr was 0.001, is 0.002"));
  const auto changes = Json(Out("run.json")).at("result").at("changes");
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].at("step"), 2);
  // Later runs of the new settings go on without a word.
  EXPECT_EQ(Train(Replacing(constant, {"--lr=2e-3", "--max_steps=4"})).code, 0);
  EXPECT_EQ(Json(Out("run.json")).at("result").at("changes").size(), 1u);
}

TEST_F(RecordTest, ACosineThatGrowsSaysSo) {
  const Words cosine = {OutFlag(), "--lr_schedule=cosine"};
  ASSERT_EQ(Train(cosine).code, 0);
  const Ended on = Train(Replacing(cosine, {"--max_steps=4"}));
  EXPECT_EQ(on.code, 0) << on.error;
  EXPECT_THAT(on.error, HasSubstr("--max_steps was 2, is 4, and the cosine learning rate"));
}

TEST_F(RecordTest, WithoutATypedFolderAnUnfinishedRunGoesOnAndAnotherIsNumbered) {
  ASSERT_EQ(Train({"--lr=1e-3"}).code, 0);
  ASSERT_EQ(Train({"--lr=2e-3"}).code, 0);
  EXPECT_EQ(Json(folder_ / "draftp_train_2/run.json").at("config").at("lr"), 2e-3);
  EXPECT_EQ(Json(folder_ / "draftp_train/run.json").at("config").at("lr"), 1e-3);
  const Ended on = Train({"--lr=2e-3", "--max_steps=3"});
  EXPECT_THAT(on.error, HasSubstr("goes on after step 2"));
  EXPECT_FALSE(fs::exists(folder_ / "draftp_train_3"));
  EXPECT_THAT(Train({"--lr=1e-3"}).error, HasSubstr("nothing to train"));
}

TEST_F(RecordTest, AnInputInTheOutputsPlaceIsRefused) {
  fs::copy(TinyModel(), folder_ / "model", fs::copy_options::recursive);
  const std::string unet = folder_ / "model/unet/diffusion_pytorch_model.safetensors";
  const std::string before = Contents(unet);
  const Ended model = Train(
      {"--model=" + (folder_ / "model"), "--lora_rank=0", "--output_dir=" + (folder_ / "model")});
  EXPECT_EQ(model.code, 2) << model.error;
  EXPECT_THAT(model.error, HasSubstr("which this run reads, where its unet goes"));
  EXPECT_EQ(Contents(unet), before);
  fs::create_directory(folder_ / "adapter");
  const std::string adapter = folder_ / "adapter/pytorch_lora_weights.safetensors";
  fs::copy(TinyModel() + "/lora/pytorch_lora_weights.safetensors", adapter);
  const std::string lora = Contents(adapter);
  EXPECT_EQ(Train({"--lora=" + adapter, "--output_dir=" + (folder_ / "adapter")}).code, 2);
  EXPECT_EQ(Contents(adapter), lora);
  EXPECT_FALSE(fs::exists(folder_ / "adapter/run.json"));
}

TEST_F(RecordTest, TheBestValidationStaysIsExportedAndNamed) {
  const Ended ended =
      Train({OutFlag(), "--val_check_interval=1", "--save_interval=4", "--keep_checkpoints=1",
             "--max_steps=6", "--seed=3", "--lora_rank=4", "--lr=3e-3", "--validation_images=1"});
  ASSERT_EQ(ended.code, 0) << ended.error;
  int64_t best = -1;
  double most = -1e300;
  std::ifstream lines(Out("validation.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    const double reward = json.at("tuned").at("reward");
    if (reward > most) best = json.at("step");
    most = std::max(most, reward);
  }
  char name[64];
  std::snprintf(name, sizeof name, "checkpoints/step_%08lld/", static_cast<long long>(best));
  const std::string lora = "pytorch_lora_weights.safetensors";
  ASSERT_TRUE(fs::exists(Out(name + lora))) << best;
  EXPECT_EQ(Inode(Out("best/" + lora)), Inode(Out(name + lora)));
  EXPECT_EQ(Inode(Out(lora)), Inode(Out("checkpoints/step_00000006/" + lora)));
  EXPECT_THAT(ended.error, HasSubstr("after step " + std::to_string(best) + ", in best/"));
  EXPECT_EQ(Json(Out("run.json")).at("result").at("best_step"), best);
}

TEST_F(RecordTest, AnInterruptedRunLeavesReportAndAdapter) {
  Program program(printed_, TrainCommand({OutFlag(), "--max_steps=100000"}));
  AwaitSteps(folder_ / "out", 1);
  kill(program.process(), SIGTERM);
  EXPECT_EQ(program.Wait(), 143) << program.error();
  EXPECT_TRUE(fs::exists(Out("pytorch_lora_weights.safetensors")));
  EXPECT_THAT(Contents(Out("report.html")), HasSubstr("SIGTERM"));
  EXPECT_EQ(Json(Out("run.json")).at("result").at("ended"), "SIGTERM");
}

TEST_F(RecordTest, AnAlarmThatStopsTheRunIsToldAtTheEnd) {
  // Far from the base after one step, so that pictures saturate or drift.
  const Ended ended = Train({OutFlag(), "--max_steps=30", "--lr=10", "--lora_rank=8",
                             "--val_check_interval=1", "--stop_on_alarm", "--validation_images=1"});
  ASSERT_EQ(ended.code, 0) << ended.error;
  EXPECT_THAT(ended.error, HasSubstr("stopped at step 1 of 30 by an alarm: after step 1 "));
  EXPECT_THAT(Contents(Out("report.html")), HasSubstr("by an alarm: after step 1 "));
}

TEST_F(RecordTest, ACheckpointsStateIsInputLikeAnyOther) {
  ASSERT_EQ(Train({OutFlag()}).code, 0);
  const std::string path = Out("checkpoints/step_00000002/trainer.json");
  const auto whole = nlohmann::ordered_json::parse(Contents(path));
  const auto refused = [&](const std::string& pointer, const nlohmann::json& value) {
    auto changed = whole;
    changed[nlohmann::ordered_json::json_pointer(pointer)] = value;
    std::ofstream(path) << changed.dump();
    const Ended ended = Train({OutFlag(), "--max_steps=4"});
    EXPECT_EQ(ended.code, 1) << pointer << value << ended.error;
    EXPECT_THAT(ended.error, HasSubstr("trainer.json"));
    EXPECT_LT(ended.error.size(), 4000u);
  };
  for (const auto& value : std::vector<nlohmann::json>{-5, 1e30, 18446744073709551615u, "2",
                                                       int64_t{1} << 62, nullptr, 1.5}) {
    refused("/state/step", value);
  }
  refused("/optimizer_steps", -1);
  refused("/optimizer_steps", int64_t{1} << 62);
  refused("/state/kl_coefficient", -1);
  refused("/state/kl_coefficient", 1e308);
  refused("/state/consumed_samples", -1);
  refused("/config", nlohmann::json::array());
  refused("/state/skipped_steps", 3);
  refused("/identity/settings/lr", std::string(5'000'000, 'x'));
  std::ofstream(path) << std::string(8'000'000, '[');
  EXPECT_EQ(Train({OutFlag(), "--max_steps=4"}).code, 1);
}

TEST_F(RecordTest, RunJsonRepeatsATrainingElsewhere) {
  ASSERT_EQ(Train({OutFlag(), "--model=embedded"}).code, 0);
  const auto record = Json(Out("run.json"));
  EXPECT_EQ(record.at("config").at("model"), "embedded");
  EXPECT_EQ(record.at("program"), "train");
  EXPECT_THAT(record.at("date").get<std::string>(), HasSubstr("T"));
  EXPECT_EQ(record.at("command").at(0), "tools/train");
  ASSERT_EQ(
      Run({"tools/train", "--config=" + Out("run.json"), "--output_dir=" + (folder_ / "b")}).code,
      0);
  const std::string lora = "/pytorch_lora_weights.safetensors";
  EXPECT_EQ(Contents(folder_ / ("b" + lora)), Contents(Out(lora)));
}

TEST_F(RecordTest, SecondsAreThoseOfAllProcessesOfARun) {
  ASSERT_EQ(Train({OutFlag()}).code, 0);
  const double first = Json(Out("run.json")).at("result").at("seconds").at("total");
  ASSERT_EQ(Train({OutFlag(), "--max_steps=3"}).code, 0);
  EXPECT_GT(Json(Out("run.json")).at("result").at("seconds").at("total"), first);
}

}  // namespace
}  // namespace draftp
