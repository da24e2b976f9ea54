// What the real programs say of themselves is true, and what they write replaces nothing of others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "tools/program.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::Contents;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Program;
using testing::TemporaryFolder;
using Words = std::vector<std::string>;

struct Ended {
  int code;
  std::string error;
};

nlohmann::json Json(const std::string& path) {
  return nlohmann::json::parse(Contents(path), nullptr, /*allow_exceptions=*/false);
}

std::string TinyModel() { return fs::absolute("testdata/tiny_sdxl"); }

ino_t Inode(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_ino;
}

class RecordTest : public ::testing::Test {
 protected:
  RecordTest() {
    // As under `bazel run`: relative paths and default folders start here.
    setenv("BUILD_WORKING_DIRECTORY", folder_.path().c_str(), 1);
    setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
    fs::create_directory(folder_ / "reward");
    folder_.Write("reward/draftp_reward.json",
                  R"({"kind": "target_colour", "colour": [255, 0, 0]})");
    folder_.Write("captions.txt", "a red circle\na blue star\n");
  }
  Ended Run(Words command) const {
    Program program(printed_, std::move(command));
    const int code = program.Wait();
    return {code, program.error()};
  }
  static std::string Flag(const std::string& word) { return word.substr(0, word.find('=')); }
  // `base` with the flags of `more` in their places.
  static Words With(Words base, const Words& more) {
    for (const std::string& word : more)
      std::erase_if(base, [&](const std::string& other) { return Flag(other) == Flag(word); });
    base.insert(base.end(), more.begin(), more.end());
    return base;
  }
  Words TrainCommand(const Words& more) const {
    return With({"tools/train", "--steps=1", "--height=64", "--width=64", "--global_batch_size=1",
                 "--micro_batch_size=1", "--truncation_steps=1", "--lora_rank=1", "--device=cpu",
                 "--val_check_interval=0", "--save_interval=1", "--max_steps=2",
                 "--reward=" + (folder_ / "reward"), "--prompts=" + (folder_ / "captions.txt")},
                more);
  }
  Ended Train(const Words& more) const { return Run(TrainCommand(more)); }
  Ended Anneal(const Words& more) const {
    return Run(With({"tools/anneal", "--steps=1", "--height=64", "--width=64", "--device=cpu",
                     "--weight_type=base", "--prompt=a red circle"},
                    more));
  }
  std::string Out(const std::string& name) const { return folder_ / ("out/" + name); }
  std::string OutFlag() const { return "--output_dir=" + (folder_ / "out"); }
  static std::map<std::string, std::string> TextOf(const std::string& path) {
    const auto png = ReadPng(path);
    std::map<std::string, std::string> text;
    if (!png.ok()) ADD_FAILURE() << png.status();
    if (png.ok()) {
      for (const PngText& entry : png->text) text[entry.key] = entry.value;
    }
    return text;
  }

  TemporaryFolder folder_, printed_;
};

constexpr char kPicture[] = "annealed_outputs_sdxl_base/img_00000_00.png";

// --- training: which checkpoints a run goes on from

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
    const Ended ended = Train(With(words, more));
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
  ASSERT_EQ(Train(With(constant, {"--lr=1e-3"})).code, 0);
  const Ended on = Train(With(constant, {"--lr=2e-3", "--max_steps=3", "--resume_changed"}));
  ASSERT_EQ(on.code, 0) << on.error;
  EXPECT_THAT(on.error, HasSubstr("after step 2: --lr was 0.001, is 0.002"));
  EXPECT_THAT(Contents(Out("report.html")), HasSubstr("--lr was 0.001, is 0.002"));
  const auto changes = Json(Out("run.json")).at("result").at("changes");
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].at("step"), 2);
  // Later runs of the new settings go on without a word.
  EXPECT_EQ(Train(With(constant, {"--lr=2e-3", "--max_steps=4"})).code, 0);
  EXPECT_EQ(Json(Out("run.json")).at("result").at("changes").size(), 1u);
}

TEST_F(RecordTest, ACosineThatGrowsSaysSo) {
  const Words cosine = {OutFlag(), "--lr_schedule=cosine"};
  ASSERT_EQ(Train(cosine).code, 0);
  const Ended on = Train(With(cosine, {"--max_steps=4"}));
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
  for (int i = 0; i < 6000 && Contents(Out("log.jsonl")).size() < 100; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
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

// --- pictures

TEST_F(RecordTest, SkippingComparesWeightsByTheirContents) {
  fs::create_directory(folder_ / "lora");
  const std::string lora = folder_ / "lora/pytorch_lora_weights.safetensors";
  fs::copy(TinyModel() + "/lora/pytorch_lora_weights.safetensors", lora);
  const Words draw = {OutFlag(), "--lora=" + (folder_ / "lora"), "--weight_type=draft",
                      "--skip_existing"};
  ASSERT_EQ(Anneal(draw).code, 0);
  const std::string picture = Out("annealed_outputs_sdxl_draft/img_00000_00.png");
  const std::string first = Contents(picture);
  // The same file by another path is the same.
  const Ended same = Anneal(With(draw, {"--lora=" + lora}));
  EXPECT_THAT(same.error, HasSubstr("0 pictures drawn, 1 kept"));
  // Another file at the same path isn't.
  ASSERT_EQ(Train({"--output_dir=" + (folder_ / "other"), "--lr=0.5"}).code, 0);
  fs::copy(folder_ / "other/pytorch_lora_weights.safetensors", lora,
           fs::copy_options::overwrite_existing);
  const Ended changed = Anneal(draw);
  EXPECT_THAT(changed.error, HasSubstr("1 picture and overview.png in "));
  EXPECT_NE(Contents(picture), first);
}

TEST_F(RecordTest, ARecordListsNoWeightsThatDrewNothing) {
  ASSERT_EQ(Anneal({OutFlag()}).code, 0);  // the embedded LoRA is loaded, and base needs none
  for (const auto& [file, hash] : Json(Out("run.json")).at("result").at("weights_sha256").items())
    EXPECT_THAT(file, Not(HasSubstr("lora")));
  EXPECT_EQ(TextOf(Out(kPicture)).count("lora_sha256"), 0u);
}

TEST_F(RecordTest, AnotherRunsPicturesAreRefusedNumberedOrOverwritten) {
  ASSERT_EQ(Anneal({OutFlag(), "--prompt=a blue star", "--images_per_prompt=2"}).code, 0);
  const std::string before = Contents(Out(kPicture));
  const Ended refused = Anneal({OutFlag()});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.error, HasSubstr("--output_dir: found the pictures of another run"));
  EXPECT_THAT(refused.error, HasSubstr("expected another folder, or --overwrite"));
  EXPECT_EQ(Contents(Out(kPicture)), before);
  ASSERT_EQ(Anneal({OutFlag(), "--overwrite"}).code, 0);
  EXPECT_NE(Contents(Out(kPicture)), before);
  EXPECT_FALSE(fs::exists(Out("annealed_outputs_sdxl_base/img_00001_00.png")));  // no mixture

  ASSERT_EQ(Anneal({"--seed=1"}).code, 0);
  ASSERT_EQ(Anneal({"--seed=2"}).code, 0);
  EXPECT_EQ(Json(folder_ / "annealed_outputs/run.json").at("config").at("seed"), 1);
  EXPECT_EQ(Json(folder_ / "annealed_outputs_2/run.json").at("config").at("seed"), 2);
}

TEST_F(RecordTest, TheSameRunAgainDrawsAgainAndMoreWeightTypesMerge) {
  ASSERT_EQ(Anneal({OutFlag()}).code, 0);
  ASSERT_EQ(Anneal({OutFlag()}).code, 0);
  const std::string before = Contents(Out(kPicture));
  ASSERT_EQ(Anneal({OutFlag(), "--weight_type=draft"}).code, 0);
  EXPECT_EQ(Contents(Out(kPicture)), before);
  const auto types = Json(Out("run.json")).at("config").at("weight_type");
  EXPECT_EQ(types, (nlohmann::json{"base", "draft"}));
}

TEST_F(RecordTest, ATrainingsFolderGetsNoPictures) {
  ASSERT_EQ(Train({OutFlag()}).code, 0);
  const std::string record = Contents(Out("run.json"));
  for (const Words& more : {Words{}, {"--overwrite"}, {"--skip_existing"}})
    EXPECT_EQ(Anneal(With({OutFlag()}, more)).code, 2);
  EXPECT_EQ(Contents(Out("run.json")), record);
}

TEST_F(RecordTest, APicturesTextRedrawsItAloneAndTellsNoPaths) {
  ASSERT_EQ(Anneal({OutFlag(), "--seed=7", "--images_per_prompt=3", "--weight_type=draft"}).code,
            0);
  const std::string third = Out("annealed_outputs_sdxl_draft/img_00002_00.png");
  const auto text = TextOf(third);
  EXPECT_EQ(text.at("seed"), "9");
  EXPECT_EQ(text.at("lora"), "lora");
  EXPECT_EQ(text.at("lora_sha256").size(), 64u);
  for (const auto& [key, value] : text) EXPECT_THAT(value, Not(HasSubstr("/"))) << key;
  ASSERT_EQ(Anneal({"--output_dir=" + (folder_ / "alone"), "--seed=" + text.at("seed"),
                    "--weight_type=draft"})
                .code,
            0);
  const auto alone = ReadPng(folder_ / "alone/annealed_outputs_sdxl_draft/img_00000_00.png");
  const auto drawn = ReadPng(third);
  ASSERT_TRUE(alone.ok() && drawn.ok());
  EXPECT_EQ(alone->image, drawn->image);
}

TEST_F(RecordTest, AnEmbeddedRunsRecordHoldsWhereverTheProgramLies) {
  ASSERT_EQ(Anneal({OutFlag(), "--weight_type=draft"}).code, 0);
  const auto config = Json(Out("run.json")).at("config");
  EXPECT_EQ(config.at("model"), "embedded");
  EXPECT_EQ(config.at("lora"), "embedded:lora");
  EXPECT_EQ(
      Run({"tools/anneal", "--config=" + Out("run.json"), "--output_dir=" + (folder_ / "b")}).code,
      0);
  EXPECT_EQ(Contents(folder_ / "b/annealed_outputs_sdxl_draft/img_00000_00.png"),
            Contents(Out("annealed_outputs_sdxl_draft/img_00000_00.png")));
}

TEST_F(RecordTest, ALogDirGivesNeitherItsBestNorItsAverage) {
  ASSERT_EQ(Train({OutFlag(), "--ema", "--val_check_interval=1", "--validation_images=1"}).code, 0);
  for (const char* name : {"best", "ema"}) {
    const std::string lora = Out(name + std::string("/pytorch_lora_weights.safetensors"));
    fs::last_write_time(lora, fs::file_time_type::clock::now() + std::chrono::hours(1));
  }
  ASSERT_EQ(Anneal({"--output_dir=" + (folder_ / "drawn"), "--weight_type=draft",
                    "--explicit_log_dir=" + (folder_ / "out")})
                .code,
            0);
  const std::string lora = Json(folder_ / "drawn/run.json").at("config").at("lora");
  EXPECT_THAT(lora, Not(HasSubstr("/best")));
  EXPECT_THAT(lora, Not(HasSubstr("/ema")));
}

}  // namespace
}  // namespace draftp
