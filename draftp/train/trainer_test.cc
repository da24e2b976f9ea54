// Runs of the trainer on the embedded model: resumed equals never interrupted, and what can go
// wrong.
#include "draftp/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "draftp/train/checkpoint.h"
#include "draftp/train/small_training.h"
#include "draftp/train/training_fixture.h"

namespace draftp {
namespace {

using testing::Contents;
using testing::FailsWith;
using ::testing::HasSubstr;
using testing::Small;
using testing::Steps;
using testing::TemporaryFolder;
using testing::Train;

// Interrupted after the first and the second step, against never.
void ExpectResumeBitForBit(const TrainConfig& whole, TrainConfig parts,
                           const std::vector<std::string>& files) {
  ASSERT_EQ(Train(whole), absl::OkStatus());
  for (parts.max_steps = 1; parts.max_steps <= whole.max_steps; ++parts.max_steps)
    ASSERT_EQ(Train(parts), absl::OkStatus());
  for (const std::string& file : files) {
    const std::string expected = Contents(whole.output_dir + "/" + file);
    EXPECT_FALSE(expected.empty()) << file;
    EXPECT_EQ(Contents(parts.output_dir + "/" + file), expected) << file;
  }
  EXPECT_EQ(Steps(parts.output_dir), Steps(whole.output_dir));
  EXPECT_EQ(Steps(whole.output_dir).size(), static_cast<size_t>(whole.max_steps));
}

TEST(Trainer, ResumesALoraBitForBit) {
  const TemporaryFolder folder;
  TrainConfig whole = Small(folder / "whole");
  whole.objective = "draft_lv";  // draws noise inside the run
  TrainConfig parts = whole;
  parts.output_dir = folder / "parts";
  ExpectResumeBitForBit(whole, parts,
                        {"pytorch_lora_weights.safetensors", "ema/pytorch_lora_weights.safetensors",
                         "checkpoints/step_00000003/optimizer.safetensors"});
}

TEST(Trainer, ResumesFullFineTuningBitForBit) {
  const TemporaryFolder folder;
  TrainConfig whole = Small(folder / "whole");
  whole.lora_rank = 0;
  whole.max_steps = 2;
  whole.lr = ConstantRate(1e-5);
  TrainConfig parts = whole;
  parts.output_dir = folder / "parts";
  ExpectResumeBitForBit(whole, parts, {"unet/diffusion_pytorch_model.safetensors"});
}

TEST(Trainer, AFullDiskLeavesTheEarlierCheckpoint) {
  const TemporaryFolder folder;
  TrainConfig config = Small(folder / "run");
  config.max_steps = 1;
  ASSERT_EQ(Train(config), absl::OkStatus());
  config.max_steps = 2;
  {
    const testing::ScopedWriteFault full(ENOSPC, 10'000);
    EXPECT_FALSE(Train(config).ok());
  }
  ASSERT_EQ(ListCheckpoints(config.output_dir).size(), 1u);
  EXPECT_EQ(Train(config), absl::OkStatus());
}

TEST(Trainer, SkipsStepsThatAreNotFiniteAndEndsAfterSome) {
  const TemporaryFolder folder;
  TrainConfig config = Small(folder / "run");
  config.reward[0] += ":1:0:1e300";
  config.max_skipped_steps = 2;
  EXPECT_THAT(Train(config), FailsWith("2 steps in a row had a loss, reward or gradient"));
  EXPECT_TRUE(std::filesystem::exists(config.output_dir + "/nonfinite_step.safetensors"));
  EXPECT_TRUE(Steps(config.output_dir).at(0).at("skipped").get<bool>());
}

TEST(Trainer, ARewardThatIsBlindToTheImageIsAnErrorInTheFirstStep) {
  const TemporaryFolder folder;
  TrainConfig config = Small(folder / "run");
  const std::string blind = folder / "blind";
  std::filesystem::copy(config.reward[0], blind);
  const auto file = SafetensorsFile::Open(config.reward[0] + "/model.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& name : (*file)->names()) tensors[name] = *(*file)->Tensor(name);
  tensors.at("vision_model.embeddings.patch_embedding.weight").zero_();
  ASSERT_TRUE(WriteSafetensors(blind + "/model.safetensors", tensors).ok());
  config.reward[0] = blind;
  EXPECT_THAT(Train(config), FailsWith("no gradient by the images in the first step"));
  EXPECT_TRUE(ListCheckpoints(config.output_dir).empty());
}

class TrainerCheckpointTest : public ::testing::Test {
 protected:
  TrainerCheckpointTest() : config_(Small(folder_ / "run")) {
    config_.max_steps = 1;
    EXPECT_EQ(Train(config_), absl::OkStatus());
    config_.max_steps = 2;
    checkpoint_ = ListCheckpoints(config_.output_dir).back().path;
  }
  void Edit(const std::string& from, const std::string& to) {
    std::string json = Contents(checkpoint_ + "/trainer.json");
    json.replace(json.find(from), from.size(), to);
    std::ofstream(checkpoint_ + "/trainer.json") << json;
  }

  TemporaryFolder folder_;
  TrainConfig config_;
  std::string checkpoint_;
};

TEST_F(TrainerCheckpointTest, OfAnotherModelIsNamed) {
  const std::string role = "\"model/unet/config.json\": \"";
  const std::string json = Contents(checkpoint_ + "/trainer.json");
  const size_t at = json.find(role) + role.size();
  Edit(json.substr(at, 64), std::string(64, '0'));
  EXPECT_THAT(Train(config_), FailsWith("model/unet/config.json (SHA-256) was 000000000000"));
}

TEST_F(TrainerCheckpointTest, OfOtherLayersIsNamed) {
  config_.target_modules = {"sdlora"};
  EXPECT_THAT(Train(config_), FailsWith("--target_modules was diffusers, is sdlora"));
  config_.resume_changed = true;
  EXPECT_THAT(Train(config_), FailsWith("ff.net"));
  config_.target_modules = {"to_q"};
  EXPECT_THAT(Train(config_), FailsWith("--target_modules"));
  config_ = Small(folder_ / "run");
  config_.lora_rank = 0;
  EXPECT_THAT(Train(config_), FailsWith("--lora_rank was 2, is 0"));
  config_.resume_changed = true;
  EXPECT_THAT(Train(config_), FailsWith("found a checkpoint of a LoRA"));
}

TEST_F(TrainerCheckpointTest, TornIsNamed) {
  std::filesystem::resize_file(checkpoint_ + "/trainer.json", 100);
  EXPECT_THAT(Train(config_), FailsWith("trainer.json: "));
}

TEST_F(TrainerCheckpointTest, WithHalfAnOptimizerIsNamed) {
  std::filesystem::resize_file(checkpoint_ + "/optimizer.safetensors", 1000);
  EXPECT_THAT(Train(config_), FailsWith("optimizer.safetensors"));
}

TEST_F(TrainerCheckpointTest, IsNotOverwrittenByANewRun) {
  config_.resume = "none";
  EXPECT_THAT(Train(config_), FailsWith("--resume: found none, and checkpoints in"));
}

// RFC 4648 by its definition: six bits a character.
std::string FromBase64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  return bytes;
}

double MeanOf(const RgbImage& image) {
  return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0) /
         static_cast<double>(image.pixels.size());
}

// The newest sheet, its greater side 256: a mean of areas keeps the picture's mean.
void ExpectThumbnailOfSheet(const std::string& uri, const std::string& sheet) {
  const std::string begin = "data:image/png;base64,";
  ASSERT_TRUE(uri.starts_with(begin));
  const auto small = DecodePng("thumbnail", FromBase64(uri.substr(begin.size())));
  ASSERT_TRUE(small.ok()) << small.status();
  const auto large = ReadPng(sheet);
  ASSERT_GT(std::max(large->image.width, large->image.height), 256);
  EXPECT_EQ(std::max(small->image.width, small->image.height), 256);
  EXPECT_NEAR(MeanOf(small->image), MeanOf(large->image), 1.5);
}

// What it says of itself is true: the embedded model isn't SDXL base.
TEST(Trainer, WritesKohyasFileAndGoesOnFromIt) {
  const TemporaryFolder folder;
  TrainConfig config = Small(folder / "run");
  config.max_steps = 1;
  config.val_check_interval = 1;
  config.validation_images = 1;
  ASSERT_EQ(Train(config), absl::OkStatus());
  const std::string kohya = config.output_dir + "/kohya_lora.safetensors";
  const auto file = SafetensorsFile::Open(kohya);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto& metadata = (*file)->metadata();
  EXPECT_EQ(metadata.at("ss_output_name"), "kohya_lora");
  EXPECT_EQ(metadata.at("ss_network_dim"), "2");
  EXPECT_EQ(metadata.at("ss_steps"), "1");
  EXPECT_EQ(metadata.at("ss_resolution"), "(64, 64)");
  EXPECT_EQ(metadata.at("modelspec.prediction_type"), "epsilon");
  EXPECT_TRUE(metadata.contains("ssmd_cover_images"));
  ExpectThumbnailOfSheet(metadata.at("modelspec.thumbnail"),
                         config.output_dir + "/validation/step_00000001.png");
  EXPECT_FALSE(metadata.contains("modelspec.architecture"));
  EXPECT_FALSE(metadata.contains("ss_base_model_version"));
  config.lora = kohya;
  config.output_dir = folder / "on";
  EXPECT_EQ(Train(config), absl::OkStatus());
}

TEST(Trainer, AnAdapterThatItCannotTrainIsNamed) {
  const TemporaryFolder folder;
  TrainConfig config = Small(folder / "run");
  for (const auto& [file, what] : {std::pair{"text_encoders", "adapts a text encoder"},
                                   std::pair{"dora", "isn't a LoRA of two factors alone"}}) {
    config.lora = std::string("testdata/adapters/") + file + ".safetensors";
    EXPECT_THAT(Train(config), FailsWith(what)) << file;
  }
}

TEST(Trainer, ADryRunTouchesNothing) {
  const TemporaryFolder folder;
  TrainConfig config = Small(folder / "run");
  config.dry_run = "plan";
  StopRequest stop;
  std::ostringstream log;
  ASSERT_EQ(RunTraining(config, stop, log, false), absl::OkStatus());
  EXPECT_THAT(log.str(), HasSubstr("LoRA of rank 2"));
  EXPECT_TRUE(folder.Names().empty());
}

}  // namespace
}  // namespace draftp
