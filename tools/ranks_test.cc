// The real programs as several processes: every world makes the same, and no fault of one leaves
// another behind.
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "draftp/checkpoint/safetensors.h"
#include "draftp/io/test_files.h"
#include "tools/ranks_run.h"
#include "tools/shell_run.h"
#include "tools/small_run.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::AwaitSteps;
using testing::ByHand;
using testing::Contents;
using testing::Drawing;
using testing::Ended;
using ::testing::HasSubstr;
using testing::Program;
using testing::Replacing;
using testing::RunAsUser;
using testing::Shell;
using testing::Signal;
using testing::SmallTraining;
using testing::TemporaryFolder;
using testing::Words;

constexpr char kTrain[] = "tools/train", kAnneal[] = "tools/anneal";
constexpr char kLora[] = "/pytorch_lora_weights.safetensors";

Words Training(const std::string& out, int ranks, const Words& more = {}) {
  return SmallTraining(
      out, Replacing({"--nproc=" + std::to_string(ranks), "--global_batch_size=4", "--steps=2",
                      "--lr=1e-3", "--lr_schedule=constant", "--max_steps=2", "--weight_decay=0"},
                     more));
}

Ended Train(const std::string& out, int ranks, const Words& more = {}) {
  Ended ended = RunAsUser(kTrain, Training(out, ranks, more));
  EXPECT_EQ(ended.code, 0) << ended.error;
  return ended;
}

// All tensors of a folder's safetensors files, by name.
std::map<std::string, at::Tensor> Weights(const std::string& path) {
  std::map<std::string, at::Tensor> weights;
  const auto add = [&](const std::string& file) {
    const auto opened = SafetensorsFile::Open(file);
    ASSERT_TRUE(opened.ok()) << opened.status();
    for (const std::string& name : (*opened)->names())
      weights[name] = (*opened)->Tensor(name)->to(at::kDouble);
  };
  if (!fs::is_directory(path)) {
    add(path);
    return weights;
  }
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".safetensors") add(entry.path().string());
  }
  return weights;
}

double Norm(const std::map<std::string, at::Tensor>& a,
            const std::map<std::string, at::Tensor>& b) {
  double squares = 0;
  for (const auto& [name, tensor] : a)
    squares += (tensor - b.at(name)).square().sum().item<double>();
  return std::sqrt(squares);
}

std::vector<nlohmann::json> Lines(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(Contents(path));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(RanksOfTraining, InOrderEveryWorldGivesTheSameBits) {
  const TemporaryFolder folder;
  for (const int ranks : {1, 2, 3, 4}) {
    Train(folder / std::to_string(ranks), ranks,
          {"--deterministic", "--global_batch_size=12", "--ema"});
    for (const std::string file : {kLora, "/ema/pytorch_lora_weights.safetensors",
                                   "/checkpoints/step_00000002/optimizer.safetensors"}) {
      EXPECT_TRUE(Contents(folder / "1" + file) == Contents(folder / std::to_string(ranks) + file))
          << ranks << " ranks: " << file;
    }
  }
}

void ExpectSameFirstStep(const std::string& out, const std::vector<nlohmann::json>& expected) {
  const auto lines = Lines(out + "/log.jsonl");
  ASSERT_EQ(lines.size(), expected.size());
  for (const char* key : {"reward", "grad_norm"}) {
    EXPECT_NEAR(lines[0].at(key).get<double>(), expected[0].at(key).get<double>(),
                1e-6 * std::abs(expected[0].at(key).get<double>()))
        << out << ": " << key;
  }
}

// World 1 x accumulation 4 = world 2 x 2 = world 4 x 1, by every policy, where gradients are summed
// in order. Where they aren't: AdamW's update is about rate * g / |g|, so that rounding d of a
// gradient's sum changes that of an element by d / |g|: of normally distributed elements of size G
// that is, root mean square, about sqrt(d / G), 3e-4 for float32's 1e-7.
void ExpectSameInEveryWorld(const Words& flags, const std::string& weights) {
  const TemporaryFolder folder;
  Train(folder / "start", 1, Replacing(Replacing({"--max_steps=1"}, flags), {"--lr=1e-12"}));
  const auto start = Weights(folder / "start" + weights);
  for (const std::string policy : {"replicated", "sharded_optimizer", "fully_sharded"}) {
    const Words ten =
        Replacing({"--max_steps=10", "--save_interval=1000", "--sharding=" + policy}, flags);
    const Words ordered = Replacing(ten, {"--deterministic"});
    // By the same policy: where weights are sharded they have no packed form.
    Train(folder / policy, 1, ordered);
    const auto one = Weights(folder / policy + weights);
    const auto log = Lines(folder / policy + "/log.jsonl");
    const double change = Norm(one, start);
    EXPECT_GT(change, 0);
    for (const int ranks : {2, 4}) {
      const std::string out = folder / (policy + std::to_string(ranks));
      Train(out, ranks, ordered);
      EXPECT_LE(Norm(Weights(out + weights), one), 1e-5 * change) << policy << " on " << ranks;
      ExpectSameFirstStep(out, log);
    }
    const std::string out = folder / (policy + "_any_order");
    Train(out, 2, ten);
    EXPECT_LT(Norm(Weights(out + weights), one), 2e-3 * change) << policy;
    ExpectSameFirstStep(out, log);
  }
}

TEST(RanksOfTraining, EveryWorldAndPolicyTrainsTheSameLora) {
  ExpectSameInEveryWorld({"--lr=1e-5"}, kLora);
}

TEST(RanksOfTraining, EveryWorldAndPolicyTrainsTheSameUNet) {
  ExpectSameInEveryWorld({"--lora_rank=0", "--lr=1e-5"}, "/unet");
}

TEST(RanksOfTraining, ACheckpointGoesOnInAnyWorld) {
  const TemporaryFolder folder;
  const Words flags = {"--deterministic", "--global_batch_size=12", "--save_interval=2"};
  Train(folder / "whole", 1, Replacing(flags, {"--max_steps=4"}));
  Train(folder / "saved", 4, flags);
  for (const int ranks : {1, 2, 3}) {
    const std::string out = folder / std::to_string(ranks);
    fs::copy(folder / "saved", out, fs::copy_options::recursive);
    Train(out, ranks, Replacing(flags, {"--max_steps=4"}));
    EXPECT_TRUE(Contents(folder / "whole" + kLora) == Contents(out + kLora)) << ranks;
  }
}

// Of the whole UNet, with its weights in blocks: a checkpoint of two ranks is that of one process,
// goes on on three and on one, and validations of an odd number of pictures end.
TEST(RanksOfTraining, AFullyShardedCheckpointGoesOnInAnyWorldAndByAnyPolicy) {
  const TemporaryFolder folder;
  const Words flags = {"--lora_rank=0",          "--lr=1e-5",
                       "--global_batch_size=12", "--ema",
                       "--max_steps=4",          "--save_interval=2",
                       "--val_check_interval=2", "--validation_images=3",
                       "--images_per_prompt=1"};
  const std::string average = "/ema/unet";
  const Words sharded = Replacing(flags, {"--sharding=fully_sharded"});
  Train(folder / "whole", 1, sharded);
  Train(folder / "start", 1, Replacing(flags, {"--max_steps=1", "--lr=1e-12"}));
  const auto whole = Weights(folder / "whole/unet");
  const double change = Norm(whole, Weights(folder / "start/unet"));
  Train(folder / "half", 2, Replacing(sharded, {"--max_steps=2"}));
  for (const auto& [ranks, more] :
       std::vector<std::pair<int, Words>>{{3, sharded}, {1, sharded}, {1, flags}, {2, flags}}) {
    const std::string out = folder / (std::to_string(ranks) + (more == flags ? "r" : "s"));
    fs::copy(folder / "half", out, fs::copy_options::recursive);
    Train(out, ranks, more);
    // Packed weights, of runs that don't shard them, round otherwise.
    const double near = more == flags ? 2e-2 : 2e-3;
    EXPECT_LT(Norm(Weights(out + "/unet"), whole), near * change) << out;
    EXPECT_LT(Norm(Weights(out + average), Weights(folder / "whole" + average)), near * change);
    EXPECT_EQ(Lines(out + "/log.jsonl").size(), Lines(folder / "whole/log.jsonl").size());
  }
}

// Text encoders, decoder and rewards in blocks, too: the same bits in every world, with recomputed
// activations, and from another world's checkpoint; and, where nothing is packed, those of a run
// that has them whole.
TEST(RanksOfTraining, DividedFrozenPartsTrainTheSameInEveryWorld) {
  const TemporaryFolder folder;
  const Words whole = {"--deterministic",       "--global_batch_size=6",
                       "--max_steps=3",         "--sharding=fully_sharded",
                       "--save_interval=2",     "--val_check_interval=3",
                       "--validation_images=3", "--images_per_prompt=1"};
  const Words divided = Replacing(whole, {"--shard_frozen"});
  Train(folder / "1", 1, divided);
  Train(folder / "2", 2, divided);
  Train(folder / "3", 3, Replacing(divided, {"--activation_checkpointing"}));
  Train(folder / "resumed", 2, Replacing(divided, {"--max_steps=2"}));
  Train(folder / "resumed", 3, divided);
  for (const std::string out : {"2", "3", "resumed"})
    EXPECT_TRUE(Contents(folder / "1" + kLora) == Contents(folder / out + kLora)) << out;
  const Words unpacked = {"--dtype=bfloat16"};
  Train(folder / "whole", 2, Replacing(whole, unpacked));
  Train(folder / "divided", 3, Replacing(divided, unpacked));
  EXPECT_TRUE(Contents(folder / "whole" + kLora) == Contents(folder / "divided" + kLora));
}

TEST(RanksOfTraining, FrozenPartsAreDividedWithTheNetworkAlone) {
  const TemporaryFolder folder;
  const Ended ended = RunAsUser(kTrain, Training(folder / "out", 2, {"--shard_frozen"}));
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.error, HasSubstr("--shard_frozen: found it beside --sharding replicated"));
}

TEST(RanksOfTraining, ARewardElsewhereIsForOneProcess) {
  const TemporaryFolder folder;
  const Ended ended = RunAsUser(kTrain, Training(folder / "out", 2, {"--reward_device=cpu"}));
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.error, HasSubstr("--reward_device: found 2 processes, expected one"));
}

TEST(RanksOfTraining, AnotherNumberOfHostsIsRefused) {
  const TemporaryFolder folder;
  const Ended ended = RunAsUser(kTrain, Training(folder / "out", 2, {"--num_nodes=2"}));
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.error, HasSubstr("--num_nodes: found processes on 1 host, expected 2"));
}

TEST(RanksOfTraining, AShardedOptimizersCheckpointGoesOnByAnotherPolicy) {
  const TemporaryFolder folder;
  Train(folder / "whole", 1, {"--max_steps=4", "--ema"});
  Train(folder / "half", 3, {"--global_batch_size=12", "--sharding=sharded_optimizer", "--ema"});
  Train(folder / "half", 2, {"--global_batch_size=12", "--max_steps=3", "--ema"});
  EXPECT_EQ(Lines(folder / "half/log.jsonl").size(), 3);
}

// A rank that is killed ends the run in seconds, and the run goes on from its last checkpoint.
TEST(RanksOfTraining, AKilledRankEndsAllAndTheRunGoesOnBitForBit) {
  const TemporaryFolder folder;
  const Words flags = {"--deterministic", "--max_steps=6", "--save_interval=1"};
  Train(folder / "whole", 2, flags);
  for (const int victim : {0, 1}) {
    const std::string out = folder / std::to_string(victim);
    const TemporaryFolder output;
    Program program(output, Shell("exec \"$0\" \"$@\"", kTrain, Training(out, 2, flags)));
    AwaitSteps(out, 2);
    Signal(program.process(), victim, SIGKILL);
    EXPECT_EQ(program.Wait(), 128 + SIGKILL);
    EXPECT_THAT(program.error(), HasSubstr("rank " + std::to_string(victim)));
    Train(out, 2, flags);
    EXPECT_TRUE(Contents(folder / "whole" + kLora) == Contents(out + kLora)) << victim;
  }
}

TEST(RanksOfTraining, AStoppedRankEndsAllWithinTheTimeOut) {
  for (const int victim : {0, 1}) {
    const TemporaryFolder folder;
    Program program(folder,
                    Shell("exec \"$0\" \"$@\"", kTrain,
                          Training(folder / "out", 2, {"--max_steps=100000", "--timeout=5"})));
    AwaitSteps(folder / "out", 1);
    Signal(program.process(), victim, SIGSTOP);
    EXPECT_NE(program.Wait(), 0);
    // Signs of life stop and a wait ends at about the same time: whichever is seen first.
    EXPECT_THAT(program.error(),
                ::testing::ContainsRegex(
                    victim == 0 ? "train: rank 0.* gone"
                                : "train: rank (1 of 2 is gone|0 of 2 has waited .* for rank 1)"));
  }
}

TEST(RanksOfTraining, ASignalSavesOnAllRanks) {
  const TemporaryFolder folder;
  const Words flags = {"--deterministic", "--save_interval=1000"};
  Program program(folder,
                  Shell("exec \"$0\" \"$@\"", kTrain,
                        Training(folder / "out", 2, Replacing(flags, {"--max_steps=1000"}))));
  AwaitSteps(folder / "out", 2);
  ASSERT_GT(program.process(), 1);
  ASSERT_EQ(kill(program.process(), SIGTERM), 0);
  EXPECT_EQ(program.Wait(), 128 + SIGTERM) << program.error();
  EXPECT_EQ(testing::CountCheckpoints(folder / "out"), 1) << program.error();
}

// Without a launcher that would tell: the ranks that are left find out themselves, and say it once.
TEST(RanksOfTraining, AKilledRankIsNamedByTheOthers) {
  const TemporaryFolder folder;
  const Words flags = Training(folder / "out", 1, {"--max_steps=100000", "--global_batch_size=3"});
  const auto ended = ByHand(kTrain, {flags, flags, flags},
                            "(while ! grep -q step \"" + folder / "out" +
                                "/log.jsonl\" 2>/dev/null; do sleep 0.1; "
                                "done; kill -9 $$) &");
  EXPECT_EQ(ended[1].code, 128 + SIGKILL);
  EXPECT_EQ(ended[0].code, 1);
  EXPECT_EQ(ended[2].code, 1);
  const std::string said = ended[0].error + ended[2].error;
  EXPECT_THAT(said, HasSubstr("train: rank 1 of 3 is gone or stopped"));
  EXPECT_EQ(said.find("gone or stopped"), said.rfind("gone or stopped")) << said;
}

TEST(RanksOfTraining, ATimeOutOfASecondEndsNoRunThatIsWell) {
  const TemporaryFolder folder;
  Train(folder / "out", 2, {"--timeout=1", "--max_steps=12"});
}

TEST(RanksOfTraining, AnotherSettingOnARankIsRefusedOnceByItsName) {
  const TemporaryFolder folder;
  const auto ended =
      ByHand(kTrain, {Training(folder / "out", 1), Training(folder / "out", 1, {"--lr=2e-3"})});
  EXPECT_EQ(ended[0].code, 2);
  EXPECT_EQ(ended[1].code, 2);
  EXPECT_THAT(ended[0].error, HasSubstr("--lr: found \"0.002\" on rank 1 and \"0.001\" on rank 0"));
  EXPECT_THAT(ended[1].error, Not(HasSubstr("--lr")));
}

TEST(RanksOfTraining, ABatchThatTheRanksDontDivideIsRefused) {
  const TemporaryFolder folder;
  const Ended ended = RunAsUser(kTrain, Training(folder / "out", 3));
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.error, HasSubstr("--global_batch_size: found 4, expected a multiple of 3"));
}

TEST(RanksOfTraining, HalfAnEnvironmentIsRefused) {
  const TemporaryFolder folder;
  const Ended ended = RunAsUser("RANK=3 exec \"$0\" \"$@\"", kTrain, Training(folder / "out", 1));
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.error, HasSubstr("RANK"));
  EXPECT_THAT(ended.error, HasSubstr("WORLD_SIZE"));
}

TEST(RanksOfTraining, AnotherNumberBesideALauncherIsRefused) {
  const TemporaryFolder folder;
  const Ended ended = RunAsUser(
      "RANK=0 WORLD_SIZE=2 LOCAL_WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=9 exec \"$0\" "
      "\"$@\"",
      kTrain, Training(folder / "out", 3));
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.error, HasSubstr("--nproc: found 3"));
}

TEST(RanksOfTraining, AHostThatDoesNotAnswerIsNamed) {
  const TemporaryFolder folder;
  const Ended ended =
      RunAsUser("RANK=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=9 exec \"$0\" \"$@\"",
                kTrain, Training(folder / "out", 1, {"--timeout=2"}));
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.error, HasSubstr("127.0.0.1:9 doesn't answer within 2 s"));
}

TEST(RanksOfAnnealing, AFullDiskOnOneRankEndsAll) {
  const TemporaryFolder folder;
  const auto ended = ByHand(kAnneal, {Drawing(folder / "out", 1), Drawing(folder / "out", 1)},
                            "trap '' XFSZ; ulimit -f 1;");
  EXPECT_NE(ended[0].code, 0) << ended[0].error;
  EXPECT_EQ(ended[1].code, 1) << ended[1].error;
  EXPECT_THAT(ended[1].error, HasSubstr("_01.png"));
}

}  // namespace
}  // namespace draftp
