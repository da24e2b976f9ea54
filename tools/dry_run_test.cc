// --dry_run of both programs against real runs: what is predicted, said and left alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "draftp/io/test_files.h"
#include "tools/program.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Program;
using testing::TemporaryFolder;
using Words = std::vector<std::string>;

constexpr char kTrain[] = "tools/train";
constexpr char kAnneal[] = "tools/anneal";
constexpr char kLora[] = "testdata/tiny_sdxl/lora";

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// What a program said that ended well.
std::string Said(const TemporaryFolder& folder, const Words& command) {
  Program program(folder, command);
  EXPECT_EQ(program.Wait(), 0) << program.error();
  return program.error();
}

// The MiB of a line "memory  WHAT  1.23 GiB", -1 where there is none.
double Mib(const std::string& text, const std::string& what) {
  std::smatch found;
  if (!std::regex_search(text, found, std::regex("memory +" + what + "[^\n]* ([0-9.]+) ([KMG])iB")))
    return -1;
  const double value = std::stod(found[1]);
  return found[2] == "K" ? value / 1024 : found[2] == "G" ? value * 1024 : value;
}

struct Case {
  const char* name;
  const char* program;
  Words flags;
};

void PrintTo(const Case& run, std::ostream* out) { *out << run.name; }

// With two threads, as a user has at least: tests have one by default.
Words Command(const Case& run, const TemporaryFolder& folder) {
  const bool trains = run.program == std::string(kTrain);
  const Words base =
      trains ? Words{"--max_steps=2", "--save_interval=100"} : Words{"--max_prompts=2"};
  return Words{"/usr/bin/env", "OMP_NUM_THREADS=2", run.program, "--device=cpu", "--steps=2"} +
         base + run.flags + Words{"--output_dir=" + (folder / "out")};
}

class PeakTest : public ::testing::TestWithParam<Case> {};

TEST_P(PeakTest, IsWithinAFifthOfWhatTheRunTakes) {
  const TemporaryFolder folder;
  const Words command = Command(GetParam(), folder);
  const std::string plan = Said(folder, command + Words{"--dry_run"});
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  const double predicted = Mib(plan, "together, at the worst moment, about");
  Said(folder, command);
  const auto record = nlohmann::json::parse(Contents(folder / "out/run.json"));
  const double measured = record.at("result").at("peak_memory_mib");
  EXPECT_NEAR(predicted / measured, 1.0, 0.2)
      << predicted << " MiB predicted, " << measured << " measured\n"
      << plan;
  RecordProperty("predicted", std::to_string(predicted));
  RecordProperty("measured", std::to_string(measured));
}

Words Size(int pixels, int batch, int k, int validate = 0) {
  return {"--height=" + std::to_string(pixels),
          "--width=" + std::to_string(pixels),
          "--micro_batch_size=" + std::to_string(batch),
          "--global_batch_size=" + std::to_string(batch),
          "--truncation_steps=" + std::to_string(k),
          "--val_check_interval=" + std::to_string(validate)};
}

Words Picture(int pixels, int batch) {
  return {"--height=" + std::to_string(pixels), "--width=" + std::to_string(pixels),
          "--batch_size=" + std::to_string(batch)};
}

INSTANTIATE_TEST_SUITE_P(
    DryRun, PeakTest,
    ::testing::Values(
        Case{"TrainSmall", kTrain, Size(128, 2, 1)}, Case{"TrainLora", kTrain, Size(192, 4, 2)},
        Case{"TrainRecomputed", kTrain, Size(192, 4, 1) + Words{"--activation_checkpointing"}},
        Case{"TrainFull", kTrain, Size(192, 2, 1) + Words{"--lora_rank=0"}},
        Case{"TrainFullRecomputed", kTrain,
             Size(192, 2, 1) + Words{"--lora_rank=0", "--ema", "--activation_checkpointing",
                                     "--recomputed_parts=unet"}},
        Case{"TrainCopies", kTrain, Size(128, 4, 1) + Words{"--objective=draft_lv"}},
        Case{"TrainTwoRanks", kTrain,
             Words{"--nproc=2", "--height=192", "--width=192", "--micro_batch_size=2",
                   "--global_batch_size=8", "--truncation_steps=1", "--val_check_interval=0",
                   "--lora_rank=0", "--sharding=fully_sharded"}},
        Case{"TrainDividedFrozenParts", kTrain,
             Words{"--nproc=2", "--height=192", "--width=192", "--micro_batch_size=2",
                   "--global_batch_size=8", "--truncation_steps=1", "--val_check_interval=0",
                   "--sharding=fully_sharded", "--shard_frozen"}},
        Case{"TrainValidated", kTrain, Size(192, 2, 1, 2) + Words{"--validation_images=2"}},
        Case{"AnnealOne", kAnneal, Picture(256, 1) + Words{"--weight_type=base"}},
        Case{"AnnealBatch", kAnneal,
             Picture(256, 4) + Words{"--weight_type=linear", "--images_per_prompt=2"}},
        Case{"AnnealLarge", kAnneal, Picture(384, 2) + Words{"--weight_type=linear"}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(DryRun, SaysWhatIsTrainedWhateverTheFlagsSay) {
  const TemporaryFolder folder;
  const Words dry = {kTrain, "--dry_run", "--device=cpu", "--output_dir=" + (folder / "out")};
  const std::string lora = Said(folder, dry + Words{"--lora", kLora, "--lora_rank=4"});
  EXPECT_THAT(lora, HasSubstr("(LoRA of rank 8 on 136 layers)"));
  const std::string full = Said(folder, dry + Words{"--peft_scheme=none", "--lora_rank=8"});
  EXPECT_THAT(full, HasSubstr("(the whole UNet)"));
}

TEST(DryRun, TheTrainingPlanHasUnitsImagesAndDisk) {
  const TemporaryFolder folder;
  const std::string plan =
      Said(folder, {kTrain, "--dry_run", "--device=cpu", "--max_steps=1000", "--save_interval=100",
                    "--global_batch_size=8", "--output_dir=" + (folder / "out")});
  EXPECT_THAT(plan, Not(HasSubstr("bytes")));
  EXPECT_THAT(plan, HasSubstr("steps 1000 of 8 images, 4 at once: 8000 images of 128x128"));
  // 278016 values: weights and two moments of 4 bytes each.
  EXPECT_THAT(plan, HasSubstr("4 checkpoints of 3.18 MiB, the best among them"));
  EXPECT_THAT(plan, HasSubstr(" adapters of validations"));
  EXPECT_THAT(plan, HasSubstr("--dry_run=probe"));
  // A micro batch of 4000 images isn't one of 4.
  const std::string large =
      Said(folder, {kTrain, "--dry_run", "--device=cpu", "--micro_batch_size=4000",
                    "--global_batch_size=4000", "--output_dir=" + (folder / "out")});
  EXPECT_GT(Mib(large, "together"), 100 * Mib(plan, "together"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST(DryRun, TellsARanksMemoryByPolicyAndNumberOfRanks) {
  const TemporaryFolder folder;
  const auto plan = [&](int ranks, const std::string& policy) {
    return Said(folder, {kTrain, "--dry_run", "--device=cpu", "--lora_rank=0",
                         "--nproc=" + std::to_string(ranks), "--sharding=" + policy,
                         "--output_dir=" + (folder / "out")});
  };
  const std::string alone = plan(1, "replicated"), two = plan(2, "replicated"),
                    zero = plan(2, "sharded_optimizer"), fully = plan(2, "fully_sharded");
  EXPECT_THAT(alone, Not(HasSubstr("ranks")));
  EXPECT_THAT(two, HasSubstr("memory  of each of 2 ranks, --sharding replicated:"));
  const double moments = Mib(alone, "AdamW moments");
  EXPECT_GT(moments, 1);
  EXPECT_NEAR(Mib(two, "AdamW moments"), moments, 0.02);
  EXPECT_NEAR(Mib(zero, "AdamW moments"), moments / 2, 0.05 * moments);
  EXPECT_NEAR(Mib(fully, "AdamW moments"), moments / 2, 0.05 * moments);
  EXPECT_EQ(Mib(zero, "base UNet"), Mib(alone, "base UNet"));
  EXPECT_LT(Mib(fully, "base UNet"), 0.7 * Mib(alone, "base UNet"));
}

TEST(DryRun, TellsWhatDividedFrozenPartsSave) {
  const TemporaryFolder folder;
  const auto plan = [&](int ranks) {
    return Said(folder, {kTrain, "--dry_run", "--device=cpu", "--nproc=" + std::to_string(ranks),
                         "--sharding=fully_sharded", "--shard_frozen", "--micro_batch_size=1",
                         "--output_dir=" + (folder / "out")});
  };
  const std::string one = plan(1), two = plan(2), four = plan(4);
  for (const char* part : {"text encoders", "VAE decoder", "rewards"}) {
    EXPECT_GT(Mib(four, part), 0) << part;
    EXPECT_LT(Mib(four, part), Mib(two, part)) << part;
    EXPECT_LT(Mib(two, part), Mib(one, part)) << part;
  }
  EXPECT_LT(Mib(two, "VAE decoder"), 0.6 * Mib(one, "VAE decoder"));
}

TEST(DryRun, AProbeOfTwoRanksTakesAStepByTheirPolicy) {
  const TemporaryFolder folder;
  const std::string plan =
      Said(folder,
           {kTrain, "--dry_run=probe", "--device=cpu", "--nproc=2", "--sharding=fully_sharded",
            "--shard_frozen", "--height=64", "--width=64", "--steps=2", "--truncation_steps=1",
            "--micro_batch_size=1", "--global_batch_size=2", "--output_dir=" + (folder / "out")});
  EXPECT_THAT(plan, HasSubstr("time    a picture of a validation"));
  EXPECT_THAT(plan, HasSubstr("measured peak of the probe"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST(DryRun, AProbeTakesAStepAndWritesNothing) {
  const TemporaryFolder folder;
  const std::string plan =
      Said(folder, {kTrain, "--dry_run=probe", "--device=cpu", "--height=64", "--width=64",
                    "--steps=2", "--truncation_steps=1", "--micro_batch_size=1",
                    "--global_batch_size=2", "--output_dir=" + (folder / "out")});
  EXPECT_THAT(plan, HasSubstr("time    a step "));
  EXPECT_THAT(plan, HasSubstr("time    together about "));
  EXPECT_GT(Mib(plan, "measured peak of the probe"), 50);
  EXPECT_EQ(folder.Names().size(), 2U);  // stdout and stderr
}

TEST(DryRun, AnnealPlansAndProbes) {
  const TemporaryFolder folder;
  const Words command = {kAnneal,
                         "--device=cpu",
                         "--steps=2",
                         "--weight_type=base,linear",
                         "--height=64",
                         "--width=64",
                         "--max_prompts=3",
                         "--batch_size=2",
                         "--output_dir=" + (folder / "out")};
  const std::string plan = Said(folder, command + Words{"--dry_run"});
  EXPECT_THAT(plan, HasSubstr("draws 6 pictures of 64x64"));
  EXPECT_THAT(plan, HasSubstr("2 weight types (base, linear)"));
  EXPECT_THAT(plan, HasSubstr("disk    pictures and captions"));
  const std::string probe = Said(folder, command + Words{"--dry_run=probe"});
  EXPECT_THAT(probe, HasSubstr("time    a picture of linear "));
  EXPECT_GT(Mib(probe, "measured peak of the probe"), 50);
  EXPECT_EQ(folder.Names().size(), 2U);
}

TEST(DryRun, FalseAndUnknownModes) {
  const TemporaryFolder folder;
  Program program(folder, {kAnneal, "--dry_run=try"});
  EXPECT_EQ(program.Wait(), 2);
  EXPECT_THAT(program.error(), HasSubstr("--dry_run: found \"try\", expected false, plan, probe"));
  Said(folder, {kAnneal, "--dry_run=false", "--device=cpu", "--steps=1", "--guidance_scale=1",
                "--weight_type=base", "--max_prompts=1", "--output_dir=" + (folder / "out")});
  EXPECT_TRUE(std::filesystem::exists(folder / "out/run.json"));
}

}  // namespace
}  // namespace draftp
