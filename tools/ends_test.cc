// How the real programs end where something is against them: links, foreign files, signals, limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "draftp/io/test_files.h"
#include "tools/program.h"
#include "tools/shell_run.h"
#include "tools/small_run.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::AwaitSteps;
using testing::Contents;
using testing::CountCheckpoints;
using testing::CountLines;
using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Program;
using testing::Replacing;
using testing::RunAsUser;
using testing::Shell;
using testing::SmallTraining;
using testing::TemporaryFolder;
using testing::Words;

Words AnnealWords(const std::string& out, const Words& more = {}) {
  return Replacing({"--output_dir=" + out, "--weight_type=base", "--steps=1", "--device=cpu",
                    "--prompt=a red circle"},
                   more);
}

// The last line is the program's own, and no library has said anything.
void ExpectOwnLastLine(const std::string& error, const std::string& program) {
  const std::string text = error.substr(0, error.find_last_not_of('\n') + 1);
  EXPECT_THAT(text.substr(text.rfind('\n') + 1), ::testing::StartsWith(program + ": ")) << error;
  for (const char* foreign : {"terminate called", "what():", "enforce fail", "libgomp", "FATAL",
                              "Allocator", "egmentation"})
    EXPECT_THAT(error, Not(HasSubstr(foreign)));
}

// --- Files that aren't the run's

TEST(CleanUpTest, TrainingRemovesItsOwnLeftoversAlone) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const Words kept = {"checkpoints/.backup.old/a",
                      "checkpoints/.git.old/objects/a",
                      "checkpoints/.precious.tmp/a",
                      "checkpoints/.step_00000007.old/thesis.txt",
                      ".notes.tmp.1.2",
                      "sub/.draft.tmp.2024.11",
                      "sub/.a.png.draftp-tmp.1.2",
                      "checkpoints/step_00000000/mine.txt"};
  const Words own = {".run.json.draftp-tmp.1.2", "checkpoints/.step_00000009.tmp/trainer.json",
                     "validation/.step_00000001.png.draftp-tmp.1.2",
                     "adapters/.step_00000001.safetensors.draftp-tmp.1.2"};
  for (const Words& files : {kept, own}) {
    for (const std::string& file : files) {
      fs::create_directories(fs::path(out + "/" + file).parent_path());
      std::ofstream(out + "/" + file) << "x";
    }
  }
  const Words more = {"--max_steps=1", "--save_interval=1", "--keep_checkpoints=1"};
  const Ended failed = RunAsUser("tools/train", SmallTraining(out, {"--resume=/nowhere"}));
  EXPECT_EQ(failed.code, 1) << failed.error;
  for (const Words& files : {kept, own}) {
    for (const std::string& file : files) EXPECT_TRUE(fs::exists(out + "/" + file)) << file;
  }
  fs::rename(out + "/checkpoints/step_00000000", out + "/mine");
  const Ended ended = RunAsUser("tools/train", SmallTraining(out, more));
  EXPECT_EQ(ended.code, 0) << ended.error;
  fs::rename(out + "/mine", out + "/checkpoints/step_00000000");
  for (const std::string& file : kept) EXPECT_TRUE(fs::exists(out + "/" + file)) << file;
  for (const std::string& file : own) EXPECT_FALSE(fs::exists(out + "/" + file)) << file;
}

TEST(CleanUpTest, AnnealingRemovesItsOwnLeftoversAlone) {
  const TemporaryFolder folder;
  const std::string out = folder / "out", half = "/.img_00000_00.png.draftp-tmp.1.2";
  for (const char* sub : {"sub", "annealed_outputs_sdxl_base"}) {
    fs::create_directories(out + "/" + sub);
    std::ofstream(out + "/" + sub + half) << "x";
    std::ofstream(out + "/" + sub + "/.draft.tmp.2024.11") << "x";
  }
  const Ended failed = RunAsUser("tools/anneal", AnnealWords(out, {"--model=/nowhere"}));
  EXPECT_EQ(failed.code, 1) << failed.error;
  EXPECT_TRUE(fs::exists(out + "/annealed_outputs_sdxl_base" + half));
  const Ended ended = RunAsUser("tools/anneal", AnnealWords(out, {"--overwrite"}));
  EXPECT_EQ(ended.code, 0) << ended.error;
  EXPECT_FALSE(fs::exists(out + "/annealed_outputs_sdxl_base" + half));
  EXPECT_TRUE(fs::exists(out + "/sub" + half)) << "another run may be writing there";
  EXPECT_TRUE(fs::exists(out + "/sub/.draft.tmp.2024.11"));
  EXPECT_TRUE(fs::exists(out + "/annealed_outputs_sdxl_base/.draft.tmp.2024.11"));
}

// --- Links

TEST(LinksTest, NoOutputGoesThroughOne) {
  const std::vector<std::pair<std::string, Words>> programs = {
      {"tools/train",
       {"checkpoints", "adapters", "validation", "tensorboard", "ema", "log.jsonl",
        "validation.jsonl"}},
      {"tools/anneal", {"annealed_outputs_sdxl_base"}}};
  for (const auto& [program, names] : programs) {
    for (const std::string& name : names) {
      const TemporaryFolder folder;
      const std::string out = folder / "out", elsewhere = folder / "elsewhere";
      fs::create_directories(out);
      const bool file = name.ends_with(".jsonl");
      if (file)
        folder.Write("elsewhere", "");
      else
        fs::create_directories(elsewhere + "/.step_00000009.tmp");
      fs::create_symlink(elsewhere, out + "/" + name);
      const bool train = program == "tools/train";
      const Ended ended =
          RunAsUser(program, train ? SmallTraining(out) : AnnealWords(out, {"--overwrite"}));
      ExpectOwnLastLine(ended.error, train ? "train" : "anneal");
      if (ended.code != 2) {  // refused before: a log without the run that it is of
        EXPECT_EQ(ended.code, 1);
        EXPECT_THAT(ended.error, HasSubstr("/" + name + ": found a symbolic link, expected a f"));
      }
      EXPECT_TRUE(fs::is_symlink(out + "/" + name));
      if (file)
        EXPECT_EQ(Contents(elsewhere), "");
      else
        EXPECT_TRUE(fs::exists(elsewhere + "/.step_00000009.tmp"));
    }
  }
}

TEST(LinksTest, TheOutputFolderMayBeOne) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "disk");
  fs::create_directory_symlink(folder / "disk", folder / "out");
  EXPECT_EQ(RunAsUser("tools/anneal", AnnealWords(folder / "out")).code, 0);
  EXPECT_TRUE(fs::exists(folder / "disk/run.json"));
}

// --- Signals

const Words kLong = {"--max_steps=100000", "--save_interval=100000"};

TEST(SignalsTest, PreemptionAndAClosedTerminalSave) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  for (const auto& [signal, code] : {std::pair(SIGHUP, 129), {SIGUSR1, 138}}) {
    const int64_t before = CountCheckpoints(out);
    const size_t steps = CountLines(out + "/log.jsonl");
    Program program(folder, Shell("exec \"$0\" \"$@\"", "tools/train", SmallTraining(out, kLong)));
    AwaitSteps(out, steps + 2);
    kill(program.process(), signal);
    EXPECT_EQ(program.Wait(), code) << program.error();
    EXPECT_EQ(CountCheckpoints(out), before + 1);
  }
}

// nohup, or a background job of a shell without job control.
TEST(SignalsTest, WhatWasIgnoredStaysIgnored) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  Program program(folder, Shell("trap '' HUP INT; exec \"$0\" \"$@\"", "tools/train",
                                SmallTraining(out, kLong)));
  AwaitSteps(out, 1);
  kill(program.process(), SIGHUP);
  kill(program.process(), SIGINT);
  AwaitSteps(out, CountLines(out + "/log.jsonl") + 2);
  kill(program.process(), SIGTERM);
  EXPECT_EQ(program.Wait(), 143) << program.error();
}

TEST(SignalsTest, AReaderThatGoesAwaySaves) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  // A warning in each step, so that there is something to write; the reader goes after a step,
  // since before the first there is nothing to save.
  const Ended ended = RunAsUser(
      "{ \"$0\" \"$@\" 2>&1; echo $? >'" + (folder / "code") + "'; } | " +
          "{ read -r line; until test -s '" + out + "/log.jsonl'; do sleep 0.01; done; }",
      "tools/train",
      SmallTraining(out, {"--max_steps=100000", "--save_interval=100000", "--val_check_interval=1",
                          "--validation_images=1", "--images_per_prompt=1"}));
  EXPECT_EQ(Contents(folder / "code"), "141\n") << ended.error;
  const std::string steps = std::to_string(CountLines(out + "/log.jsonl"));
  const std::string last = "/checkpoints/step_" + std::string(8 - steps.size(), '0') + steps;
  EXPECT_TRUE(fs::exists(out + last)) << last;
}

TEST(SignalsTest, ASecondOneEndsAStepInFlight) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  const Words words = SmallTraining(out, {"--global_batch_size=100000"});  // a step of hours
  Program program(folder, Shell("exec \"$0\" \"$@\"", "tools/train", words));
  for (int waits = 0; waits < 6000 && !fs::exists(out + "/log.jsonl"); ++waits)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // into the step
  kill(program.process(), SIGTERM);
  for (int waits = 0; waits < 6000 && program.error().find("ends at once") == std::string::npos;
       ++waits)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  kill(program.process(), SIGINT);
  EXPECT_EQ(program.Wait(), 130) << program.error();
  EXPECT_EQ(CountCheckpoints(out), 0);
}

// The example's script, with a scontrol that notes what it is told.
TEST(SignalsTest, TheSlurmScriptSavesAndRequeues) {
  const TemporaryFolder folder;
  const std::string out = folder / "out";
  folder.Write("scontrol", "#!/bin/sh\necho \"$@\" >'" + (folder / "told") + "'\n");
  fs::permissions(folder / "scontrol", fs::perms::owner_all);
  Words words = {fs::absolute("tools/train").string()};
  for (const std::string& word : SmallTraining(out, kLong)) words.push_back(word);
  Program script(folder, Shell("export SLURM_JOB_ID=4711; PATH='" + folder.path() +
                                   "':$PATH exec bash \"$0\" \"$@\"",
                               "examples/slurm/requeue.sbatch", words));
  AwaitSteps(out, 2);
  kill(script.process(), SIGUSR1);
  EXPECT_EQ(script.Wait(), 138) << script.error();
  EXPECT_EQ(Contents(folder / "told"), "requeue 4711\n");
  EXPECT_EQ(CountCheckpoints(out), 1);
}

TEST(SignalsTest, AnnealingTidiesAndEnds) {
  for (const auto& [signal, code] : {std::pair(SIGHUP, 129), {SIGUSR1, 138}}) {
    const TemporaryFolder folder;
    const std::string out = folder / "out";
    Program program(folder, Shell("exec \"$0\" \"$@\"", "tools/anneal",
                                  AnnealWords(out, {"--steps=1000", "--images_per_prompt=100"})));
    for (int waits = 0; waits < 6000 && !fs::exists(out + "/run.json"); ++waits)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    kill(program.process(), signal);
    EXPECT_EQ(program.Wait(), code) << program.error();
    for (const auto& entry : fs::recursive_directory_iterator(out))
      EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
  }
}

// --- Limits

TEST(LimitsTest, TooLittleMemoryEndsInOneLine) {
  for (const char* program : {"tools/train", "tools/anneal"}) {
    const bool train = std::string(program) == "tools/train";
    for (int kib = 380'000; kib <= 1'000'000; kib += train ? 60'000 : 150'000) {
      const TemporaryFolder folder;
      const Ended ended =
          RunAsUser("ulimit -v " + std::to_string(kib) + " && exec \"$0\" \"$@\"", program,
                    train ? SmallTraining(folder / "out") : AnnealWords(folder / "out"));
      if (ended.code == 0) continue;
      if (ended.code == 127) {  // the system's loader, before any of ours
        EXPECT_THAT(ended.error, HasSubstr("error while loading shared libraries: "));
        continue;
      }
      EXPECT_EQ(ended.code, 1) << kib << ended.error;
      ExpectOwnLastLine(ended.error, train ? "train" : "anneal");
      EXPECT_THAT(ended.error, ::testing::AnyOf(HasSubstr("out of memory"),
                                                HasSubstr("Cannot allocate memory")));
    }
  }
}

TEST(LimitsTest, TooFewThreadsEndInOneLine) {
  for (const char* program : {"tools/train", "tools/anneal"}) {
    const bool train = std::string(program) == "tools/train";
    for (const int threads : {0, 1, 3}) {
      const TemporaryFolder folder;
      const Ended ended = RunAsUser(
          "exec env FEW_THREADS=" + std::to_string(threads) + " OMP_NUM_THREADS=4 LD_PRELOAD='" +
              fs::absolute("tools/few_threads.so").string() + "' \"$0\" \"$@\"",
          program, train ? SmallTraining(folder / "out") : AnnealWords(folder / "out"));
      EXPECT_EQ(ended.code, 1) << ended.error;
      ExpectOwnLastLine(ended.error, train ? "train" : "anneal");
      EXPECT_THAT(ended.error, HasSubstr("found room for " + std::to_string(threads)));
      EXPECT_THAT(ended.error, HasSubstr("ulimit -u"));
    }
  }
}

TEST(LimitsTest, TooFewDescriptorsEndInOneLine) {
  for (int files = 5; files <= 13; files += 2) {
    const TemporaryFolder folder;
    const Ended ended = RunAsUser("ulimit -n " + std::to_string(files) + " && exec \"$0\" \"$@\"",
                                  "tools/train", SmallTraining(folder / "out"));
    if (ended.code == 0) continue;
    EXPECT_EQ(ended.code, 1) << ended.error;
    ExpectOwnLastLine(ended.error, "train");
    EXPECT_THAT(ended.error, HasSubstr("Too many open files"));
  }
}

TEST(LimitsTest, AFileSystemWithoutLocksIsWarnedOf) {
  for (const char* program : {"tools/train", "tools/anneal"}) {
    const TemporaryFolder folder;
    const std::string out = folder / "out";
    const Ended ended = RunAsUser(
        "exec env LD_PRELOAD='" + fs::absolute("tools/no_locks.so").string() + "' \"$0\" \"$@\"",
        program, program == std::string("tools/train") ? SmallTraining(out) : AnnealWords(out));
    EXPECT_EQ(ended.code, 0) << ended.error;
    EXPECT_THAT(ended.error, HasSubstr("/out: its file system has no locks"));
  }
}

TEST(LimitsTest, AFileThatGrowsTooLargeEndsInOneLine) {
  for (const char* program : {"train", "anneal"}) {
    const bool train = std::string(program) == "train";
    const TemporaryFolder folder;
    const Ended ended =
        RunAsUser("ulimit -f 16 && exec \"$0\" \"$@\"", std::string("tools/") + program,
                  train ? SmallTraining(folder / "out") : AnnealWords(folder / "out"));
    EXPECT_EQ(ended.code, 1) << ended.error;
    ExpectOwnLastLine(ended.error, program);
    EXPECT_THAT(ended.error, HasSubstr(": can't write: File too large"));
  }
}

TEST(LimitsTest, AFolderThatIsGoneEndsInOneLine) {
  for (const char* program : {"anneal", "train", "tokenize"}) {
    const TemporaryFolder folder;
    fs::create_directories(folder / "gone");
    const std::string path = std::string("tools/") + program;
    const Ended ended = RunAsUser(
        "cd '" + (folder / "gone") + "' && rmdir '" + (folder / "gone") + "' && exec \"$0\" \"$@\"",
        path, {"--steps=1"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.error, ::testing::StartsWith(std::string(program) +
                                                   ": the working folder can't be found"));
    EXPECT_EQ(std::count(ended.error.begin(), ended.error.end(), '\n'), 1) << ended.error;
    const Ended typed =
        RunAsUser("exec env BUILD_WORKING_DIRECTORY='" + (folder / "gone") + "' \"$0\" \"$@\"",
                  path, {"--steps=1"});
    EXPECT_EQ(typed.code, 1);
    EXPECT_THAT(typed.error, HasSubstr("BUILD_WORKING_DIRECTORY: found "));
    EXPECT_FALSE(fs::exists(folder / "gone"));
  }
}

TEST(LimitsTest, HelpIntoAFullDiskIsAnError) {
  for (const char* program : {"anneal", "train"}) {
    const std::string path = std::string("tools/") + program;
    const Ended full = RunAsUser("exec \"$0\" --help >/dev/full", path, {});
    EXPECT_EQ(full.code, 1);
    EXPECT_EQ(full.error,
              std::string(program) + ": standard output: can't write: No space left on device\n");
    EXPECT_EQ(RunAsUser(path, {"--help"}).code, 0);
    const Ended piped = RunAsUser("\"$0\" --help | head -n 1", path, {});
    EXPECT_EQ(piped.error, "");
  }
}

}  // namespace
}  // namespace draftp
