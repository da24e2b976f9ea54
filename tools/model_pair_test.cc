// The real annealing program as two processes that draw each image together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "draftp/io/test_files.h"
#include "tools/ranks_run.h"
#include "tools/shell_run.h"
#include "tools/small_run.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

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
using testing::TemporaryFolder;
using testing::Words;

constexpr char kAnneal[] = "tools/anneal";

// Every file of a run but its record, by its path in the folder.
std::map<std::string, std::string> Drawn(const std::string& out) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(out)) {
    const std::string path = fs::relative(entry.path(), out).string();
    if (entry.is_regular_file() && path != "run.json")
      files[path] = Contents(entry.path().string());
  }
  return files;
}

Words Paired(const std::string& out, const Words& more = {}) {
  return Drawing(out, 2,
                 Replacing({"--share=model_pair", "--weight_type=linear,step_0.6", "--batch_size=1",
                            "--steps=3", "--max_prompts=3"},
                           more));
}

// What one process draws with the flags of Paired(out, more).
void DrawAlone(const std::string& out, const Words& more = {}) {
  const Ended ended =
      RunAsUser(kAnneal, Replacing(Paired(out, more), {"--nproc=1", "--share=images"}));
  ASSERT_EQ(ended.code, 0) << ended.error;
}

int Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ModelPairOfAnnealing, DrawsThePicturesOfOneProcess) {
  const TemporaryFolder folder;
  DrawAlone(folder / "alone");
  const Ended ended = RunAsUser(kAnneal, Paired(folder / "pair"));
  EXPECT_EQ(ended.code, 0) << ended.error;
  EXPECT_EQ(Drawn(folder / "alone").size(), 3 * 2 * 2 + 1);  // with captions and the overview
  EXPECT_TRUE(Drawn(folder / "pair") == Drawn(folder / "alone"));
  EXPECT_EQ(Count(ended.error, "6 pictures and overview.png"), 1) << ended.error;
}

TEST(ModelPairOfAnnealing, AnotherWorldThanOfTwoIsRefusedInOneLine) {
  const TemporaryFolder folder;
  for (const auto& [ranks, found] : {std::pair("1", "1 process"), {"3", "3 processes"}}) {
    const Ended ended =
        RunAsUser(kAnneal, Paired(folder / "out", {std::string("--nproc=") + ranks}));
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.error, HasSubstr("anneal: --share: found model_pair with " +
                                       std::string(found) + ", expected 2 (--nproc 2)\n"));
    EXPECT_EQ(Count(ended.error, "\n"), 1) << ended.error;
  }
  EXPECT_FALSE(fs::exists(folder / "out"));
}

// Its ranks wait for each other in every step and once a batch, not by the clock.
TEST(ModelPairOfAnnealing, AShortTimeOutEndsNoRunThatIsWell) {
  const TemporaryFolder folder;
  const Ended ended = RunAsUser(
      kAnneal, Paired(folder / "out",
                      {"--timeout=2", "--max_prompts=8", "--steps=6", "--images_per_prompt=2"}));
  EXPECT_EQ(ended.code, 0) << ended.error;
}

TEST(ModelPairOfAnnealing, TheSecondRankWritesNothing) {
  const TemporaryFolder folder;
  const Words words = Replacing(Paired(folder / "out"), {"--nproc=1"});
  for (const Ended& ended : ByHand(kAnneal, {words, words}, "ulimit -f 0;"))
    EXPECT_EQ(ended.code, 0) << ended.error;
}

TEST(ModelPairOfAnnealing, AFullDiskIsSaidByTheFirst) {
  const TemporaryFolder folder;
  const Ended ended = RunAsUser("trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"", kAnneal,
                                Paired(folder / "out", {"--height=128", "--width=128"}));
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(Count(ended.error, "_00.png"), 1) << ended.error;
}

// Whichever goes, the pictures drawn so far are whole, and the same command goes on.
TEST(ModelPairOfAnnealing, AKilledRankOrCtrlCEndsBothAndTheRunGoesOn) {
  const TemporaryFolder folder;
  const Words many = {"--max_prompts=5", "--images_per_prompt=2"};
  DrawAlone(folder / "alone", many);
  const auto whole = Drawn(folder / "alone");
  for (const std::string way : {"kill 0", "kill 1", "interrupt"}) {
    const std::string out = folder / way;
    const TemporaryFolder output;
    Program program(output, Shell("exec \"$0\" \"$@\"", kAnneal, Paired(out, many)));
    const std::string second = out + "/annealed_outputs_sdxl_linear/img_00001_00.png";
    for (int waits = 0; waits < 6000 && !fs::exists(second); ++waits)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (way == "interrupt") {
      ASSERT_GT(program.process(), 1);
      ASSERT_EQ(kill(program.process(), SIGINT), 0);
    } else {
      Signal(program.process(), way.back() - '0', SIGKILL);
    }
    EXPECT_EQ(program.Wait(), 128 + (way == "interrupt" ? SIGINT : SIGKILL)) << way;
    EXPECT_LE(Count(program.error(), "interrupted;"), 1) << program.error();
    const auto drawn = Drawn(out);
    EXPECT_LT(drawn.size(), whole.size()) << way;
    for (const auto& [path, contents] : drawn) {
      if (!path.ends_with(".png")) continue;  // a caption may stand without its picture
      EXPECT_TRUE(whole.at(path) == contents) << way << ": " << path;
    }
    Words again = Paired(out, many);
    again.push_back("--skip_existing");
    const Ended ended = RunAsUser(kAnneal, again);
    EXPECT_EQ(ended.code, 0) << ended.error;
    EXPECT_THAT(ended.error, HasSubstr(" kept, and overview.png"));
    EXPECT_TRUE(Drawn(out) == whole) << way;
  }
}

}  // namespace
}  // namespace draftp
