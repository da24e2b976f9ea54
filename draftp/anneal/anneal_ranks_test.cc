// Annealing runs of several ranks, as threads of this test.
#include "draftp/anneal/anneal_ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "draftp/anneal/anneal.h"
#include "draftp/anneal/image_output.h"
#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "draftp/shard/same_run.h"
#include "draftp/shard/shared_folder.h"
#include "draftp/shard/world_fixture.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

namespace fs = std::filesystem;

// c10d's recorder, one a process, isn't safe where several groups of one process fill it.
[[maybe_unused]] const int no_recorder = setenv("TORCH_FR_BUFFER_SIZE", "0", /*overwrite=*/1);

class AnnealRanksTest : public ::testing::Test {
 protected:
  AnnealRanksTest() {
    config_.output_dir = folder_ / "out";
    config_.sampling.steps = 1;
    config_.max_prompts = 5;
    config_.weight_type = {"base", "draft"};
    config_.device = "cpu";
  }
  // Each rank's status; `change` makes the ranks' configs differ.
  std::vector<absl::Status> Statuses(
      int size, const std::function<void(AnnealConfig&, int)>& change = [](AnnealConfig&, int) {}) {
    std::vector<absl::Status> statuses(size);
    std::vector<std::ostringstream> logs(size);
    RunRanks(size, [&](World& world) {
      AnnealConfig config = config_;
      change(config, world.rank());
      Notices notices(logs[world.rank()], {.program = "anneal", .quiet = !world.first()});
      statuses[world.rank()] = RunAnneal(config, notices, world);
    });
    log_ = logs[0].str();
    for (int rank = 1; rank < size; ++rank) EXPECT_EQ(logs[rank].str(), "");
    return statuses;
  }
  void Run(int size) {
    for (const absl::Status& status : Statuses(size)) ASSERT_TRUE(status.ok()) << status;
  }
  // Which rank's numbers a weight type's pictures have, by image.
  RanksOfImages Files(const std::string& type = "draft") const {
    return PicturesIn(config_.output_dir, type);
  }
  std::string Path(const std::string& type, int64_t image, int rank) const {
    return ImagePath(config_.output_dir, {.weight_type = type, .index = image, .rank = rank});
  }
  RgbImage Picture(int64_t image, int rank, const std::string& type = "draft") const {
    const auto png = ReadPng(Path(type, image, rank));
    EXPECT_TRUE(png.ok()) << png.status();
    return png.ok() ? png->image : RgbImage{};
  }
  nlohmann::json Result() const {
    return nlohmann::json::parse(testing::Contents(config_.output_dir + "/run.json"))["result"];
  }
  std::string Overview() const { return testing::Contents(config_.output_dir + "/overview.png"); }

  testing::TemporaryFolder folder_;
  AnnealConfig config_;
  std::string log_;
};

TEST_F(AnnealRanksTest, WorldsOfAnySizeDrawTheSamePictures) {
  std::map<std::string, RgbImage> alone;
  std::string overview;
  for (const int size : {1, 2, 3}) {
    config_.output_dir = folder_ / std::to_string(size);
    Run(size);
    for (const std::string type : {"base", "draft"}) {
      EXPECT_THAT(Files(type), SizeIs(5));
      for (const auto& [image, ranks] : Files(type)) {
        ASSERT_THAT(ranks, ElementsAre(image % size));
        const RgbImage picture = Picture(image, ranks[0], type);
        const auto [first, is_new] = alone.try_emplace(type + std::to_string(image), picture);
        EXPECT_EQ(first->second, picture) << type << image << " of " << size;
      }
    }
    if (overview.empty()) overview = Overview();
    EXPECT_EQ(Overview(), overview);
    EXPECT_EQ(Result()["images_drawn"], 10);
    EXPECT_EQ(Result().value("ranks", 1), size);
    EXPECT_THAT(log_, HasSubstr("10 pictures and overview.png in "));
  }
  EXPECT_NE(alone["draft0"], alone["draft1"]);
}

// As in a world of one, what else is in a batch changes how sums round.
TEST_F(AnnealRanksTest, BatchesOfRanksDrawTheSamePicturesUpToRounding) {
  Run(1);
  const RgbImage alone = Picture(3, 0);
  config_.output_dir = folder_ / "batches";
  config_.batch_size = 2;
  Run(2);
  const RgbImage picture = Picture(3, 1);
  ASSERT_EQ(picture.pixels.size(), alone.pixels.size());
  for (size_t i = 0; i < alone.pixels.size(); ++i)
    ASSERT_NEAR(picture.pixels[i], alone.pixels[i], 1);
}

TEST_F(AnnealRanksTest, SkippingKeepsWhatAWorldOfAnotherSizeDrew) {
  Run(2);
  const std::string overview = Overview();
  const RanksOfImages files = Files();
  config_.skip_existing = true;
  for (const int size : {3, 1}) {
    Run(size);
    EXPECT_EQ(Result()["images_drawn"], 0);
    EXPECT_EQ(Result()["images_kept"], 10);
    EXPECT_EQ(Files(), files);
    EXPECT_EQ(Overview(), overview);
  }
}

TEST_F(AnnealRanksTest, SkippingDrawsAnewWhatIsMissing) {
  Run(1);
  const std::string overview = Overview();
  fs::remove(Path("draft", 1, 0));
  config_.skip_existing = true;
  Run(2);
  EXPECT_EQ(Result()["images_drawn"], 1);
  EXPECT_EQ(Result()["images_kept"], 9);
  EXPECT_THAT(Files()[1], ElementsAre(1));
  EXPECT_THAT(Files()[3], ElementsAre(0));
  EXPECT_EQ(Overview(), overview);
}

TEST_F(AnnealRanksTest, AnImageHasOneFileAfterWorldsOfOtherSizes) {
  config_.max_prompts = 3;
  Run(2);
  Run(1);  // the same run again
  EXPECT_THAT(Files(), ElementsAre(Pair(0, ElementsAre(0)), Pair(1, ElementsAre(0)),
                                   Pair(2, ElementsAre(0))));
  config_.seed = 7;
  config_.overwrite = true;
  Run(3);
  EXPECT_THAT(Files(), ElementsAre(Pair(0, ElementsAre(0)), Pair(1, ElementsAre(1)),
                                   Pair(2, ElementsAre(2))));
  EXPECT_FALSE(fs::exists(PromptPath(config_.output_dir, {.weight_type = "draft", .index = 1})));
}

TEST_F(AnnealRanksTest, EarlierColumnsStayInTheOverviewAtAnotherSize) {
  Run(2);
  const std::string overview = Overview();
  config_.weight_type = {"draft"};
  Run(1);
  EXPECT_EQ(Overview(), overview);
}

TEST_F(AnnealRanksTest, RanksWithoutAnImageTakePart) {
  config_.max_prompts = 1;
  Run(3);
  EXPECT_THAT(Files(), ElementsAre(Pair(0, ElementsAre(0))));
  EXPECT_EQ(Result()["ranks"], 3);
}

TEST_F(AnnealRanksTest, OriginalNoiseIsAStreamOfEachRank) {
  config_.noise = "original";
  config_.max_prompts = 3;
  Run(1);
  const RgbImage first = Picture(0, 0), second = Picture(1, 0), third = Picture(2, 0);
  EXPECT_THAT(std::string(Statuses(2)[0].message()), HasSubstr("--nproc was 1, is 2"));
  config_.overwrite = true;
  Run(2);
  EXPECT_EQ(Picture(0, 0), first);
  EXPECT_NE(Picture(1, 1), second);
  EXPECT_NE(Picture(2, 0), third);  // the second of rank 0
  EXPECT_THAT(Files(), SizeIs(3));
}

TEST_F(AnnealRanksTest, OriginalNoiseWithAPromptIsDrawnByEachRank) {
  config_.noise = "original";
  config_.prompt = {"a red circle"};
  Run(2);
  EXPECT_THAT(Files(), ElementsAre(Pair(0, ElementsAre(0, 1))));
  EXPECT_NE(Picture(0, 0), Picture(0, 1));
  EXPECT_EQ(Result()["images_drawn"], 4);
  config_.skip_existing = true;
  Run(2);
  EXPECT_EQ(Result()["images_kept"], 4);
}

TEST_F(AnnealRanksTest, ASettingThatDiffersIsNamed) {
  const auto statuses = Statuses(2, [](AnnealConfig& config, int rank) {
    if (rank == 1) config.seed = 7;
    if (rank == 1) config.output_dir = "/elsewhere";  // rank 0's counts
  });
  EXPECT_EQ(statuses[0].message(),
            "--seed: found \"7\" on rank 1 and \"1243\" on rank 0, expected the same on all ranks");
  EXPECT_EQ(statuses[1].code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(statuses[1].message(), "");
  EXPECT_FALSE(fs::exists(config_.output_dir));
}

TEST_F(AnnealRanksTest, WeightsThatDifferAreNamed) {
  RunRanks(2, [&](World& world) {
    const RunIdentity identity{.settings = {{"dtype", "float32"}},
                               .inputs = {{"fine-tuned/lora", world.first() ? "ab" : "cd"}}};
    const absl::Status status = CheckSameIdentity(identity, world);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    if (world.first()) {
      EXPECT_EQ(status.message(),
                "fine-tuned/lora (SHA-256): found \"cd\" on rank 1 and \"ab\" on rank 0, expected "
                "the same on all ranks");
    }
  });
}

TEST_F(AnnealRanksTest, AnErrorThatAllHaveIsSaidOnce) {
  config_.prompts = {folder_ / "absent.txt"};
  const auto statuses = Statuses(3);
  EXPECT_THAT(std::string(statuses[0].message()), HasSubstr("absent.txt"));
  EXPECT_FALSE(statuses[2].ok());
  EXPECT_EQ(statuses[2].message(), "");
}

TEST_F(AnnealRanksTest, AFolderThatRank0CannotMakeEndsAll) {
  config_.output_dir = "/proc/nowhere";
  const auto statuses = Statuses(2);
  EXPECT_THAT(std::string(statuses[0].message()), HasSubstr("/proc/nowhere"));
  EXPECT_FALSE(statuses[1].ok());
}

TEST_F(AnnealRanksTest, AFileSystemThatARankDoesNotSeeIsRefused) {
  const std::string dir = folder_.path();
  fs::create_directories(folder_ / "other" + dir);  // the same path on another file system
  RunRanks(3, [&](World& world) {
    EXPECT_TRUE(CheckFolderIsShared(world.first() ? dir : "", world).ok());
    const std::string root = world.rank() == 2 ? folder_ / "other" : "";
    const absl::Status status = CheckFolderIsShared(dir, world, root, /*patience_seconds=*/0.1);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), world.first() ? "--output_dir: rank 2 doesn't see " + dir +
                                                    " as rank 0 has it, expected a file system "
                                                    "that all ranks share"
                                              : "");
  });
  for (const auto& entry : fs::directory_iterator(dir)) EXPECT_EQ(entry.path().filename(), "other");
}

TEST_F(AnnealRanksTest, WhoHasDrawnWaitsForTheOthersAsLongAsTheyDraw) {
  constexpr double kTimeout = 0.2;
  std::atomic<int> drawing = 2;
  RunRanks(3, [&](World& world) {
    Meetings meetings(world, kTimeout);
    for (int step = 0; step < 10 * world.rank(); ++step) {
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
      meetings.WhileDrawing();
    }
    if (world.rank() > 0) --drawing;
    meetings.UntilAllHaveDrawn();
    EXPECT_EQ(drawing, 0);
    EXPECT_THAT(SumOverRanks("pictures", {world.rank(), 1}, world), ElementsAre(3, 3));
  });
}

}  // namespace
}  // namespace draftp
