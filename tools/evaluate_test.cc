// The real program: what a newcomer gets, exit codes, and evaluations that are cut short.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "draftp/io/test_files.h"
#include "tools/program.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::Contents;
using ::testing::HasSubstr;
using testing::Program;
using testing::TemporaryFolder;
using Words = std::vector<std::string>;

class EvaluateTest : public ::testing::Test {
 protected:
  Words Command(const Words& more) const {
    Words words = {"tools/evaluate",   "--output_dir=" + out(), "--max_prompts=2",
                   "--steps=2",        "--images_per_prompt=2", "--weight_type=base,linear",
                   "--lora_scale=0.5", "--resamples=200",       "--device=cpu"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::string out() const { return folder_ / "out"; }
  bool Eventually(const std::string& path) const {
    for (int i = 0; i < 6000 && !fs::exists(path); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return fs::exists(path);
  }
  // What it has to say for a mistake, and nothing else.
  void ExpectMistake(const Words& more, int code, const std::string& text) {
    Program program(folder_, Command(more));
    EXPECT_EQ(program.Wait(), code);
    const std::string error = program.error();
    EXPECT_THAT(error, HasSubstr("evaluate: " + text));
    EXPECT_EQ(std::ranges::count(error, '\n'), 1) << error;
  }

  TemporaryFolder folder_;
};

TEST_F(EvaluateTest, LeavesAReportAndSaysWhereAndWhichPointIsBest) {
  Program program(folder_, Command({}));
  ASSERT_EQ(program.Wait(), 0) << program.error();
  EXPECT_THAT(program.error(), HasSubstr("best at a diversity of at least"));
  EXPECT_THAT(program.error(), HasSubstr("/out/report.html"));
  const auto json = nlohmann::json::parse(Contents(out() + "/evaluation.json"));
  EXPECT_EQ(json["points"].size(), 3u);
  EXPECT_TRUE(fs::exists(out() + "/evaluation.csv"));
  EXPECT_TRUE(fs::exists(out() + "/pictures/overview.png"));
}

TEST_F(EvaluateTest, TheRecordRepeatsIt) {
  Program first(folder_, Command({}));
  ASSERT_EQ(first.Wait(), 0) << first.error();
  Program again(folder_, {"tools/evaluate", "--config=" + out() + "/run.json",
                          "--output_dir=" + (folder_ / "again")});
  ASSERT_EQ(again.Wait(), 0) << again.error();
  const auto points = [&](const std::string& dir) {
    return nlohmann::json::parse(Contents(dir + "/evaluation.json"))["points"];
  };
  EXPECT_EQ(points(folder_ / "again"), points(out()));
}

TEST_F(EvaluateTest, KilledItGoesOnToTheSameNumbers) {
  Program whole(folder_, Command({"--output_dir=" + (folder_ / "whole")}));
  ASSERT_EQ(whole.Wait(), 0) << whole.error();
  const auto points = [&](const std::string& dir) {
    return nlohmann::json::parse(Contents(dir + "/evaluation.json"))["points"];
  };
  {
    Program killed(folder_, Command({}));
    ASSERT_TRUE(Eventually(out() + "/pictures/annealed_outputs_sdxl_linear/img_00000_00.png"));
    kill(killed.process(), SIGKILL);
    EXPECT_EQ(killed.Wait(), 128 + SIGKILL);
  }
  EXPECT_FALSE(fs::exists(out() + "/evaluation.json"));
  Program on(folder_, Command({}));
  ASSERT_EQ(on.Wait(), 0) << on.error();
  EXPECT_EQ(points(out()), points(folder_ / "whole"));
}

TEST_F(EvaluateTest, CtrlCEndsItInALineAndLeavesNothingHalf) {
  Program program(folder_, Command({"--images_per_prompt=64"}));
  ASSERT_TRUE(Eventually(out() + "/pictures/annealed_outputs_sdxl_base/img_00000_00.png"));
  kill(program.process(), SIGINT);
  EXPECT_EQ(program.Wait(), 130);
  EXPECT_THAT(program.error(), HasSubstr("evaluate: interrupted; the same command goes on"));
  for (const auto& file : fs::recursive_directory_iterator(out()))
    EXPECT_EQ(file.path().string().find("draftp-tmp"), std::string::npos) << file.path();
}

TEST_F(EvaluateTest, TwoProcessesShareThePicturesAndSayTheSame) {
  Program one(folder_, Command({"--batch_size=1"}));
  ASSERT_EQ(one.Wait(), 0) << one.error();
  const auto of = [&](const std::string& dir) {
    return nlohmann::json::parse(Contents(dir + "/evaluation.json"))["points"][1]["rewards"];
  };
  const auto expected = of(out());
  Program two(folder_, Command({"--batch_size=1", "--nproc=2", "--timeout=120",
                                "--output_dir=" + (folder_ / "two")}));
  ASSERT_EQ(two.Wait(), 0) << two.error();
  EXPECT_EQ(of(folder_ / "two"), expected);
}

TEST_F(EvaluateTest, MistakesAreOneLine) {
  ExpectMistake({"--lora_scale=half"}, 2, "--lora_scale: found");
  ExpectMistake({"--weight_type=cubic"}, 2, "--weight_type: ");
  ExpectMistake({"--imges=3"}, 2, "--imges: found an unknown flag");
  ExpectMistake({"--pictures=" + (folder_ / "none")}, 1, "--pictures: ");
  ExpectMistake({"--checkpoints=" + (folder_ / "none")}, 1, "--checkpoints: found no adapters");
  ExpectMistake({"--reward=" + (folder_ / "none")}, 1, "");
  ExpectMistake({"--reward=yuvalkirstain/PickScore_v1"}, 2, "--reward: ");
}

TEST_F(EvaluateTest, HelpHasEveryFlagOnce) {
  Program program(folder_, {"tools/evaluate", "--help_all"});
  EXPECT_EQ(program.Wait(), 0);
  for (const char* flag : {"--least_diversity", "--checkpoints", "--lora_scale", "--pictures",
                           "--images_per_prompt", "--embedding", "--sampler", "--nproc"})
    EXPECT_THAT(program.out(), HasSubstr(flag));
}

}  // namespace
}  // namespace draftp
