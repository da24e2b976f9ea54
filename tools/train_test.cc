// The real training program: mistakes, signals, kills, two runs at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "draftp/io/test_files.h"
#include "tools/program.h"
#include "tools/small_run.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::AwaitSteps;
using testing::CountCheckpoints;
using testing::CountLines;
using ::testing::HasSubstr;
using testing::Program;
using testing::Replacing;
using testing::SmallTraining;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using testing::Words;

constexpr char kTrain[] = "tools/train";

// The embedded model in as small a run as there is, with a checkpoint a step; `more` has other
// flags, and replaces these.
Words Command(const TemporaryFolder& folder, const Words& more) {
  return Replacing(
      {kTrain},
      SmallTraining(folder / "out", Replacing({"--save_interval=1", "--max_steps=2"}, more)));
}

struct Ended {
  int code;
  std::string error;
};

Ended RunProgram(const TemporaryFolder& folder, const Words& more) {
  Program program(folder, Command(folder, more));
  const int code = program.Wait();
  return {code, program.error()};
}

TEST(TrainProgram, AMistakeIsOneLineWithItsExitCode) {
  const TemporaryFolder folder;
  const std::string empty = folder.Write("empty.txt", ""),
                    latin1 = folder.Write("latin1.txt", "a star\ngr\xfcn\n"),
                    tar = folder.Write("bad.tar", std::string(700, 'x')),
                    other = folder.Write("reward/config.json", "");
  fs::create_directory(folder / "reward");
  folder.Write("reward/readme", "no model");
  const std::vector<std::tuple<Words, int, std::string>> mistakes = {
      {{"--prompts=" + empty}, 1, "empty.txt"},
      {{"--prompts=" + latin1}, 1, "latin1.txt"},
      {{"--prompts=" + tar}, 1, "bad.tar"},
      {{"--prompts=" + (folder / "gone.txt")}, 1, "gone.txt"},
      {{"--reward=" + (folder / "reward")}, 1, "reward"},
      {{"--reward=" + (folder / "reward") + ":much"}, 2, "--reward"},
      {{"--truncation_steps=2"}, 2, "--truncation_steps: found 2"},
      {{"--truncation_steps=0"}, 2, "--truncation_steps: found \"0\""},
      {{"--global_batch_size=3", "--micro_batch_size=2"}, 2, "--global_batch_size: found 3"},
      {{"--lr=0"}, 2, "--lr: found \"0\""},
      {{"--lr=-1"}, 2, "--lr: found \"-1\""},
      {{"--lern_rate=1"}, 2, "--lern_rate"},
      {{"--target_modules=to_x"}, 2, "--target_modules"},
      {{"--lora=" + empty}, 1, "empty.txt"},
      {{"--resume=" + (folder / "gone")}, 1, "gone/trainer.json"},
      {{"--model=" + (folder / "gone"), "--reward=r", "--prompts=" + latin1}, 1, "latin1.txt"}};
  for (const auto& [words, code, message] : mistakes) {
    const Ended ended = RunProgram(folder, words);
    EXPECT_EQ(ended.code, code) << ended.error;
    const std::string last = ended.error.substr(ended.error.rfind("\ntrain: ") + 1);
    EXPECT_THAT(last, StartsWith("train: "));
    EXPECT_THAT(last, HasSubstr(message));
    EXPECT_FALSE(fs::exists(folder / "out/checkpoints")) << ended.error;
  }
}

TEST(TrainProgram, SignalsSaveAndTheSameCommandGoesOn) {
  const TemporaryFolder folder;
  const Words more = {"--max_steps=100000", "--save_interval=100000"};
  for (const auto& [signal, code] : {std::pair(SIGINT, 130), {SIGTERM, 143}}) {
    const int64_t before = CountCheckpoints(folder / "out");
    const size_t steps = CountLines(folder / "out/log.jsonl");
    Program program(folder, Command(folder, more));
    AwaitSteps(folder / "out", steps + 2);
    kill(program.process(), signal);
    EXPECT_EQ(program.Wait(), code) << program.error();
    EXPECT_THAT(program.error(), HasSubstr("a checkpoint is saved"));
    EXPECT_EQ(CountCheckpoints(folder / "out"), before + 1);
  }
  const size_t steps = CountLines(folder / "out/log.jsonl");
  const Ended last = RunProgram(folder, {"--max_steps=" + std::to_string(steps + 1)});
  EXPECT_EQ(last.code, 0) << last.error;
  EXPECT_EQ(CountLines(folder / "out/log.jsonl"), steps + 1);
}

// Each kill loses at most the step in flight; what is left always loads.
TEST(TrainProgram, KillsAtRandomMomentsLoseAtMostTheStepInFlight) {
  const TemporaryFolder folder;
  std::mt19937 random(1);
  for (int kills = 0; kills < 6; ++kills) {
    const size_t before = CountLines(folder / "out/log.jsonl");
    Program program(folder, Command(folder, {"--max_steps=100000"}));
    AwaitSteps(folder / "out", before + 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
    kill(program.process(), SIGKILL);
    EXPECT_EQ(program.Wait(), 128 + SIGKILL) << program.error();
  }
  const auto steps = static_cast<int64_t>(CountLines(folder / "out/log.jsonl"));
  const Ended last = RunProgram(folder, {"--max_steps=" + std::to_string(steps + 1)});
  ASSERT_EQ(last.code, 0) << last.error;
  const size_t at = last.error.find("goes on after step ");
  ASSERT_NE(at, std::string::npos) << last.error;
  EXPECT_GE(std::stoll(last.error.substr(at + 19)), steps - 1);
}

TEST(TrainProgram, TwoRunsDontShareAFolder) {
  const TemporaryFolder folder, second;
  Program first(folder, Command(folder, {"--max_steps=100000"}));
  AwaitSteps(folder / "out", 1);
  Words command = Command(folder, {});
  Program other(second, command);
  EXPECT_EQ(other.Wait(), 1);
  EXPECT_THAT(other.error(), HasSubstr("found another run"));
}

TEST(TrainProgram, HelpHasEveryFlagOfTheReadme) {
  const TemporaryFolder folder;
  Program program(folder, {kTrain, "--help_all"});
  EXPECT_EQ(program.Wait(), 0);
  for (const char* flag : {"--model", "--reward", "--prompts", "--output_dir", "--max_steps",
                           "--kl_coeff", "--truncation_steps", "--lora_rank", "--objective",
                           "--resume", "deterministic", "dry_run"}) {
    EXPECT_THAT(program.out(), HasSubstr(flag));
  }
}

}  // namespace
}  // namespace draftp
