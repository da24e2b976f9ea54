// What the real programs say of pictures is true, and redraws them; no run's pictures take the
// place of another's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "tools/record_fixture.h"
#include "tools/small_run.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::Contents;
using testing::Ended;
using ::testing::HasSubstr;
using testing::Json;
using ::testing::Not;
using testing::RecordTest;
using testing::Replacing;
using testing::TinyModel;
using testing::Words;

constexpr char kPicture[] = "annealed_outputs_sdxl_base/img_00000_00.png";

std::map<std::string, std::string> TextOf(const std::string& path) {
  const auto png = ReadPng(path);
  std::map<std::string, std::string> text;
  if (!png.ok()) ADD_FAILURE() << png.status();
  if (png.ok()) {
    for (const PngText& entry : png->text) text[entry.key] = entry.value;
  }
  return text;
}

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
  const Ended same = Anneal(Replacing(draw, {"--lora=" + lora}));
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
    EXPECT_EQ(Anneal(Replacing({OutFlag()}, more)).code, 2);
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
  EXPECT_EQ(config.at("lora"), nlohmann::json({"embedded:lora"}));
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
  const std::string lora = Json(folder_ / "drawn/run.json").at("config").at("lora").at(0);
  EXPECT_THAT(lora, Not(HasSubstr("/best")));
  EXPECT_THAT(lora, Not(HasSubstr("/ema")));
}

}  // namespace
}  // namespace draftp
