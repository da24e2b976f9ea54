// Evaluations of the embedded model: files, resumption, what is refused; and numbers against the
// reward computed from the pictures.
#include "draftp/evaluate/evaluate.h"

#include <ATen/ops/from_blob.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/evaluate/picture_folder.h"
#include "draftp/io/atomic_file.h"
#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "draftp/reward/clip_reward.h"
#include "draftp/run/output_folder.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

constexpr char kModel[] = "testdata/tiny_sdxl";

ClipReward TinyReward() {
  static const ClipTokenizer tokenizer = *ClipTokenizer::Open("testdata/tiny_sdxl/tokenizer");
  return *ClipReward::Load("testdata/tiny_sdxl/reward_model", {.fallback_tokenizer = &tokenizer});
}

double ScoreOf(const std::string& png) {
  auto picture = ReadCaptionedPicture(png);
  EXPECT_TRUE(picture.ok()) << picture.status();
  const RgbImage& image = picture->image;
  const at::Tensor pixels =
      at::from_blob(picture->image.pixels.data(), {1, image.height, image.width, 3}, at::kByte)
          .permute({0, 3, 1, 2})
          .to(at::kFloat);
  return TinyReward()(pixels, std::span(&picture->caption, 1)).item<double>();
}

class RunEvaluateTest : public ::testing::Test {
 protected:
  RunEvaluateTest() {
    config_.draw.model = fs::absolute(kModel);
    config_.draw.prompt = {"a red circle", "a blue square"};
    config_.draw.sampling.steps = 2;
    config_.draw.device = "cpu";
    config_.lora = {config_.draw.model + "/lora"};
    config_.weight_type = {"base", "draft"};
    config_.lora_scale = {"0.5"};
    config_.images_per_prompt = 2;
    config_.reward = {config_.draw.model + "/reward_model"};
    config_.resamples = 200;
    config_.output_dir = folder_ / "out";
  }
  absl::Status Run() {
    Notices notices(log_, {.program = "evaluate"});
    return RunEvaluate(config_, notices);
  }
  nlohmann::json Result() const {
    return nlohmann::json::parse(Contents(config_.output_dir + "/evaluation.json"));
  }

  testing::TemporaryFolder folder_;
  EvaluateConfig config_;
  std::ostringstream log_;
};

TEST_F(RunEvaluateTest, LeavesTheCurveAndWhatRepeatsIt) {
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  const auto json = Result();
  std::vector<std::string> names;
  for (const auto& point : json["points"]) names.push_back(point["name"]);
  EXPECT_THAT(names, ElementsAre("base", "draft", "weights(0.5)"));
  for (const auto& point : json["points"]) {
    EXPECT_EQ(point["images"], 4);
    double sum = 0;
    for (const auto& file :
         fs::directory_iterator(config_.output_dir + "/" + point["pictures"].get<std::string>())) {
      if (file.path().extension() == ".png") sum += ScoreOf(file.path().string());
    }
    EXPECT_NEAR(point["rewards"]["PickScore"]["mean"].get<double>(), sum / 4, 1e-4);
    EXPECT_LE(point["diversity"]["low"], point["diversity"]["mean"]);
  }
  EXPECT_EQ(json["points"][1]["pairs_with_base"], 4);
  EXPECT_TRUE(json["identity"]["inputs"].contains("prompts"));
  EXPECT_THAT(Contents(config_.output_dir + "/report.html"), HasSubstr("a blue square"));
  EXPECT_THAT(Contents(config_.output_dir + "/evaluation.csv"), HasSubstr("weights(0.5)"));
  EXPECT_THAT(log_.str(), HasSubstr("report.html"));
  EXPECT_THAT(Contents(config_.output_dir + "/run.json"), HasSubstr("\"result\""));
}

TEST_F(RunEvaluateTest, ASecondRunDrawsAndScoresNothingAndSaysTheSame) {
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  const std::string json = Contents(config_.output_dir + "/evaluation.json");
  const std::string picture =
      config_.output_dir + "/pictures/annealed_outputs_sdxl_draft/img_00000_00.png";
  const auto drawn = fs::last_write_time(picture);
  const auto scored = fs::last_write_time(config_.output_dir + "/scores/draft.safetensors");
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  EXPECT_EQ(Contents(config_.output_dir + "/evaluation.json"), json);
  EXPECT_EQ(fs::last_write_time(picture), drawn);
  EXPECT_EQ(fs::last_write_time(config_.output_dir + "/scores/draft.safetensors"), scored);
}

TEST_F(RunEvaluateTest, OneMorePointKeepsWhatIsThere) {
  config_.lora_scale = {"none"};
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  const double base = Result()["points"][0]["rewards"]["PickScore"]["mean"];
  config_.weight_type.push_back("linear");
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  EXPECT_EQ(Result()["points"].size(), 3u);
  EXPECT_EQ(Result()["points"][0]["rewards"]["PickScore"]["mean"], base);
}

TEST_F(RunEvaluateTest, AnothersSettingsAreRefused) {
  config_.lora_scale = {"none"};
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  const std::string json = Contents(config_.output_dir + "/evaluation.json");
  config_.draw.sampling.steps = 3;
  EXPECT_THAT(Run(), FailsWith("--output_dir: found another run's results"));
  EXPECT_THAT(Run(), FailsWith("--steps was 2, is 3"));
  EXPECT_EQ(Contents(config_.output_dir + "/evaluation.json"), json);
  config_.overwrite = true;
  EXPECT_EQ(Run(), absl::OkStatus()) << log_.str();
  EXPECT_NE(Contents(config_.output_dir + "/evaluation.json"), json);
}

TEST_F(RunEvaluateTest, PicturesThatAreThereAreScoredAlike) {
  config_.lora_scale = {"none"};
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  const auto drawn = Result();
  config_.pictures = {config_.output_dir + "/pictures"};
  config_.weight_type = {"none"};
  config_.output_dir = folder_ / "again";
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  const auto read = Result();
  ASSERT_EQ(read["points"].size(), drawn["points"].size());
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read["points"][i]["name"], drawn["points"][i]["name"]);
    EXPECT_EQ(read["points"][i]["rewards"], drawn["points"][i]["rewards"]);
    EXPECT_EQ(read["points"][i]["drift"], drawn["points"][i]["drift"]);
  }
}

TEST_F(RunEvaluateTest, OtherPicturesOfANameAreScoredAnew) {
  config_.pictures = {folder_ / "mine"};
  config_.weight_type = {"none"};
  fs::create_directory(folder_ / "mine");
  const auto write = [&](const std::string& name, uint8_t red) {
    EXPECT_TRUE(WritePng(folder_ / ("mine/" + name), FilledImage(128, 128, red, 0, 0),
                         {{"prompt", "a red circle"}})
                    .ok());
  };
  write("a.png", 255);
  write("b.png", 128);
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  EXPECT_THAT(log_.str(), HasSubstr("no point is named base"));
  const auto before = Result()["points"][0]["rewards"];
  write("b.png", 10);
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  EXPECT_NE(Result()["points"][0]["rewards"], before);
  EXPECT_NEAR(Result()["points"][0]["rewards"]["PickScore"]["mean"].get<double>(),
              (ScoreOf(folder_ / "mine/a.png") + ScoreOf(folder_ / "mine/b.png")) / 2, 1e-4);
}

TEST_F(RunEvaluateTest, ScoresOfAnotherScorerOrADamagedFileAreMadeAnew) {
  config_.lora_scale = {"none"};
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  const std::string json = Contents(config_.output_dir + "/evaluation.json");
  const std::string kept = config_.output_dir + "/scores/base.safetensors";
  const std::string bytes = Contents(kept);
  ASSERT_TRUE(WriteFileAtomically(kept, bytes.substr(0, bytes.size() / 2)).ok());
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  EXPECT_EQ(Contents(config_.output_dir + "/evaluation.json"), json);
  EXPECT_EQ(Contents(kept), bytes);
}

TEST_F(RunEvaluateTest, PicturesOfDifferentSizesAreNamed) {
  config_.pictures = {folder_ / "mine"};
  config_.weight_type = {"none"};
  fs::create_directory(folder_ / "mine");
  for (const int side : {64, 32}) {
    ASSERT_TRUE(WritePng(folder_ / ("mine/" + std::to_string(side) + ".png"),
                         FilledImage(side, side, 1, 2, 3), {{"prompt", "x"}})
                    .ok());
  }
  EXPECT_THAT(Run(), FailsWith("64.png: found 64x64 pixels, expected 32x32 as in "));
}

TEST_F(RunEvaluateTest, OnePictureIsTooFewAndSaysSo) {
  config_.pictures = {folder_ / "mine"};
  config_.weight_type = {"none"};
  fs::create_directory(folder_ / "mine");
  ASSERT_TRUE(
      WritePng(folder_ / "mine/a.png", FilledImage(64, 64, 1, 2, 3), {{"prompt", "x"}}).ok());
  ASSERT_EQ(Run(), absl::OkStatus()) << log_.str();
  EXPECT_TRUE(Result()["points"][0]["diversity"].is_null());
  EXPECT_THAT(log_.str(), HasSubstr("warning: mine: "));
  EXPECT_THAT(log_.str(), HasSubstr("1 picture"));
}

TEST_F(RunEvaluateTest, TwoPointsOfOneNameAreRefused) {
  config_.pictures = {folder_ / "a:x", folder_ / "b:x"};
  config_.weight_type = {"none"};
  for (const char* name : {"a", "b"}) {
    fs::create_directory(folder_ / name);
    ASSERT_TRUE(WritePng(folder_ / (std::string(name) + "/1.png"), FilledImage(64, 64, 1, 2, 3),
                         {{"prompt", "x"}})
                    .ok());
  }
  EXPECT_THAT(Run(), FailsWith("--pictures: found two points named x"));
}

TEST_F(RunEvaluateTest, AFullDiskLeavesWhatIsWholeAndGoesOn) {
  config_.lora_scale = {"none"};
  {
    const testing::ScopedWriteFault full(ENOSPC, 40'000);
    EXPECT_FALSE(Run().ok());
  }
  EXPECT_FALSE(fs::exists(config_.output_dir + "/evaluation.json"));
  EXPECT_EQ(Run(), absl::OkStatus()) << log_.str();
  EXPECT_EQ(Result()["points"].size(), 2u);
}

TEST_F(RunEvaluateTest, ASecondEvaluationInTheFolderIsRefused) {
  config_.lora_scale = {"none"};
  const auto folder = OutputFolder::Open(config_.output_dir);
  ASSERT_TRUE(folder.ok());
  EXPECT_FALSE(Run().ok());
  EXPECT_THAT(log_.str(), Not(HasSubstr("report.html")));
}

TEST_F(RunEvaluateTest, ARewardThatIsntFiniteNamesThePicture) {
  const std::string sound = config_.reward.front();
  config_.reward = {folder_ / "nan"};
  fs::create_directory(folder_ / "nan");
  fs::copy(sound + "/config.json", folder_ / "nan/config.json");
  const auto file = *SafetensorsFile::Open(sound + "/model.safetensors");
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& name : file->names()) tensors[name] = file->Tensor(name)->clone();
  tensors.at("visual_projection.weight").fill_(std::nan(""));
  ASSERT_TRUE(WriteSafetensors(folder_ / "nan/model.safetensors", tensors).ok());
  config_.lora_scale = {"none"};
  EXPECT_THAT(Run(), FailsWith("img_00000_00.png: found the reward PickScore to be nan"));
  EXPECT_FALSE(fs::exists(config_.output_dir + "/evaluation.json"));
}

TEST_F(RunEvaluateTest, WithoutAClipModelAnEmbeddingIsAskedFor) {
  config_.reward = {folder_.Write("draftp_reward.json", R"({"kind": "brightness"})")
                        .substr(0, folder_.path().size())};
  EXPECT_THAT(Run(), FailsWith("--reward: found no CLIP model"));
}

}  // namespace
}  // namespace draftp
