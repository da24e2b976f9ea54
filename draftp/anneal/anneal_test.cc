#include "draftp/anneal/anneal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "draftp/io/atomic_file.h"
#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "draftp/run/output_folder.h"

namespace draftp {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

class RunAnnealTest : public ::testing::Test {
 protected:
  RunAnnealTest() {
    config_.output_dir = folder_ / "out";
    config_.sampling.steps = 2;
    config_.max_prompts = 3;
    config_.batch_size = 2;
    config_.weight_type = {"base", "linear"};
    config_.device = "cpu";
  }
  absl::Status Run() { return RunAnneal(config_, log_, /*terminal=*/false); }
  std::string Picture(const std::string& type, int index) const {
    return config_.output_dir + "/annealed_outputs_sdxl_" + type + "/img_0000" +
           std::to_string(index) + "_00.png";
  }
  // Names of files and folders directly in `dir`, hidden ones too, sorted.
  static std::vector<std::string> NamesIn(const std::string& dir) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  testing::TemporaryFolder folder_;
  AnnealConfig config_;
  std::ostringstream log_;
};

TEST_F(RunAnnealTest, WritesTheOriginalsTreeAnOverviewAndARecord) {
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(NamesIn(config_.output_dir),
              ElementsAre("annealed_outputs_sdxl_base", "annealed_outputs_sdxl_linear",
                          "overview.png", "run.json"));
  EXPECT_THAT(NamesIn(config_.output_dir + "/annealed_outputs_sdxl_linear"),
              ElementsAre("img_00000_00.png", "img_00001_00.png", "img_00002_00.png",
                          "prompt_00000_00.txt", "prompt_00001_00.txt", "prompt_00002_00.txt"));
  const auto picture = ReadPng(Picture("linear", 2));
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_EQ(picture->image.width, 128);
  const std::string prompt =
      testing::Contents(config_.output_dir + "/annealed_outputs_sdxl_linear/prompt_00002_00.txt");
  EXPECT_THAT(picture->text, Contains(PngText{"prompt", prompt}));
  EXPECT_THAT(picture->text, Contains(PngText{"weight_type", "linear"}));
  EXPECT_THAT(picture->text, Contains(PngText{"seed", "1245"}));
}

TEST_F(RunAnnealTest, ARunFromItsRecordDrawsTheSameBytes) {
  ASSERT_TRUE(Run().ok());
  const std::string first = testing::Contents(Picture("linear", 1));
  auto again = LoadAnnealConfig(
      {"--config", config_.output_dir + "/run.json", "--output_dir", folder_ / "again"}, "/");
  ASSERT_TRUE(again.ok()) << again.status();
  config_ = again->config;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(testing::Contents(Picture("linear", 1)), first);
}

TEST_F(RunAnnealTest, SkippingGoesOnWhereARunStopped) {
  ASSERT_TRUE(Run().ok());
  const std::string kept = Picture("base", 0), redrawn = Picture("linear", 2);
  const std::string bytes = testing::Contents(redrawn);
  fs::remove(redrawn);
  const auto old_time = fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::last_write_time(kept, old_time);
  config_.skip_existing = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(fs::last_write_time(kept), old_time);
  EXPECT_EQ(testing::Contents(redrawn), bytes);
}

TEST_F(RunAnnealTest, SkippingDrawsAnewWhatOtherSettingsDrew) {
  ASSERT_TRUE(Run().ok());
  const std::string bytes = testing::Contents(Picture("base", 0));
  config_.skip_existing = true;
  config_.seed = 7;
  ASSERT_TRUE(Run().ok());
  EXPECT_NE(testing::Contents(Picture("base", 0)), bytes);
}

TEST_F(RunAnnealTest, AnUnwritableFolderIsNamedBeforeAnyModelIsLoaded) {
  config_.output_dir = "/proc/nowhere";
  config_.model = "/absent";
  config_.weight_type = {"base"};
  config_.prompt = {"a star"};
  EXPECT_THAT(std::string(Run().message()), HasSubstr("/proc/nowhere"));
}

TEST_F(RunAnnealTest, SkippingDrawsOnlyTheMissingPicturesOfABatch) {
  ASSERT_TRUE(Run().ok());
  fs::remove(Picture("linear", 1));
  const auto old_time = fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::last_write_time(Picture("linear", 0), old_time);
  config_.skip_existing = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(fs::last_write_time(Picture("linear", 0)), old_time);
  EXPECT_TRUE(ReadPng(Picture("linear", 1)).ok());
  EXPECT_THAT(testing::Contents(config_.output_dir + "/run.json"),
              HasSubstr("\"images_drawn\": 1,"));
}

TEST_F(RunAnnealTest, OneStreamOfNoiseRedrawsAWholeBatch) {
  config_.noise = "original";
  ASSERT_TRUE(Run().ok());
  const std::string bytes = testing::Contents(Picture("linear", 1));
  fs::remove(Picture("linear", 1));
  config_.skip_existing = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(testing::Contents(Picture("linear", 1)), bytes);
  EXPECT_THAT(testing::Contents(config_.output_dir + "/run.json"),
              HasSubstr("\"images_drawn\": 2,"));
}

TEST_F(RunAnnealTest, AFolderThatVanishesEndsTheRunWithItsName) {
  // The first live line means that a picture is drawn: then someone else tidies up.
  struct Remover : std::stringbuf {
    explicit Remover(std::string path) : path_(std::move(path)) {}
    int sync() override { return 0; }
    std::streamsize xsputn(const char* text, std::streamsize size) override {
      if (std::string(text, size).find("% ") != std::string::npos) fs::remove_all(path_);
      return std::stringbuf::xsputn(text, size);
    }
    std::string path_;
  } remover(config_.output_dir);
  std::ostream log(&remover);
  const absl::Status status = RunAnneal(config_, log, /*terminal=*/true);
  EXPECT_THAT(status, testing::FailsWith("out: the folder was removed or replaced"));
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(fs::exists(config_.output_dir));
}

TEST_F(RunAnnealTest, SeveralAdaptersDrawOneColumnByTheirOwnWeights) {
  const std::string here = fs::current_path();
  config_.lora = {here + "/testdata/tiny_sdxl/lora:linear",
                  here + "/testdata/adapters/kohya.safetensors:0.5"};
  config_.weight_type.clear();
  const absl::Status drawn = Run();
  ASSERT_TRUE(drawn.ok()) << drawn;
  const auto picture = ReadPng(Picture("linear,0.5", 1));
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_THAT(picture->text, Contains(PngText{"weight_type", "linear,0.5"}));
  EXPECT_THAT(picture->text, Contains(PngText{"lora", "lora, kohya.safetensors"}));
  const std::string first = testing::Contents(Picture("linear,0.5", 1));
  auto again = LoadAnnealConfig(
      {"--config", config_.output_dir + "/run.json", "--output_dir", folder_ / "again"}, "/");
  ASSERT_TRUE(again.ok()) << again.status();
  config_ = again->config;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(testing::Contents(Picture("linear,0.5", 1)), first);
  config_.lora[1].back() = '6';
  EXPECT_THAT(Run(), testing::FailsWith(
                         "the pictures of another run (--lora was linear,0.5, is linear,0.6)"));
}

TEST_F(RunAnnealTest, WaysToBlendAreColumnsOfOneRun) {
  const std::string here = fs::current_path();
  config_.lora = {here + "/testdata/tiny_sdxl/lora", here + "/testdata/tiny_sdxl/lora"};
  config_.weight_type = {"base",          "mix(linear,0.5)", "weights(0,1)", "weights(linear,0)",
                         "draw(0.5,0.5)", "contrast(2)"};
  ASSERT_TRUE(Run().ok());
  const auto largest_difference = [&](const char* type, const char* other) {
    const auto a = ReadPng(Picture(type, 1))->image.pixels,
               b = ReadPng(Picture(other, 1))->image.pixels;
    int largest = 0;
    for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
  };
  // One adapter twice: their contrast is nothing, and whichever is drawn, or has the scale, is it.
  EXPECT_LE(largest_difference("contrast(2)", "base"), 1);
  EXPECT_LE(largest_difference("draw(0.5,0.5)", "weights(0,1)"), 1);
  EXPECT_GT(largest_difference("draw(0.5,0.5)", "base"), 8);
  EXPECT_GT(largest_difference("mix(linear,0.5)", "base"), 8);
  EXPECT_GT(largest_difference("weights(linear,0)", "base"), 8);
  EXPECT_THAT(testing::Contents(config_.output_dir + "/run.json"), HasSubstr("mix(linear,0.5)"));
  config_.weight_type = {"draw(0.2,0.2)"};  // beside the others, which stay
  const std::string first = testing::Contents(Picture("contrast(2)", 1));
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(testing::Contents(Picture("contrast(2)", 1)), first);
  EXPECT_TRUE(fs::exists(Picture("draw(0.2,0.2)", 1)));
}

TEST_F(RunAnnealTest, ScalesOfAnAdapterThatIsNoPlainLoraAreRefused) {
  config_.lora = {std::string(fs::current_path()) + "/testdata/adapters/kohya.safetensors"};
  config_.weight_type = {"base", "weights(0.4)"};
  EXPECT_THAT(Run(), testing::FailsWith("kohya.safetensors: found changes of text encoders, "
                                        "expected a plain LoRA of the UNet"));
  EXPECT_FALSE(fs::exists(config_.output_dir));
}

TEST_F(RunAnnealTest, ALoadThatFailsLeavesNoFolder) {
  config_.lora = {folder_ / "absent"};
  EXPECT_FALSE(Run().ok());
  EXPECT_FALSE(fs::exists(config_.output_dir));
}

TEST_F(RunAnnealTest, ASecondRunIntoTheFolderEndsAtOnce) {
  const auto first = OutputFolder::Open(config_.output_dir);
  ASSERT_TRUE(first.ok()) << first.status();
  config_.model = folder_ / "never_looked_at";
  config_.lora = {config_.model};
  config_.prompt = {"a star"};
  EXPECT_THAT(Run(), testing::FailsWith("out: found another run (process "));
}

TEST_F(RunAnnealTest, AFullDiskLeavesNoPartialFile) {
  {
    const testing::ScopedWriteFault full(ENOSPC, /*after_bytes=*/30000);
    const absl::Status status = Run();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr("No space left on device"));
  }
  for (const auto& entry : fs::recursive_directory_iterator(config_.output_dir)) {
    EXPECT_NE(entry.path().filename().string()[0], '.') << entry.path();
    if (entry.path().extension() == ".png") {
      EXPECT_TRUE(ReadPng(entry.path()).ok()) << entry.path();
    }
  }
}

TEST_F(RunAnnealTest, AnAbsentModelIsNamed) {
  config_.model = folder_ / "absent";
  config_.weight_type = {"base"};
  config_.prompt = {"a star"};
  EXPECT_THAT(std::string(Run().message()), HasSubstr("absent: can't read: No such file"));
}

}  // namespace
}  // namespace draftp
