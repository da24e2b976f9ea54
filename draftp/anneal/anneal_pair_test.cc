// Annealing runs of two ranks that draw each image together, as threads of this test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "draftp/anneal/anneal.h"
#include "draftp/anneal/anneal_ranks.h"
#include "draftp/anneal/image_output.h"
#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "draftp/shard/world_fixture.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

constexpr int kRanks = 2;

class AnnealPairTest : public ::testing::Test {
 protected:
  AnnealPairTest() {
    config_.sampling.steps = 3;
    config_.sampling.height = config_.sampling.width = 64;
    config_.max_prompts = 2;
    config_.weight_type = {"base", "linear", "step_0.6"};
    config_.device = "cpu";
  }
  std::vector<absl::Status> Statuses(const std::string& name) {
    config_.output_dir = folder_ / name;
    AnnealConfig config = config_;
    config.share = kShareModelPair;
    std::vector<absl::Status> statuses(kRanks);
    std::vector<std::ostringstream> logs(kRanks);
    RunRanks(kRanks, [&](World& world) {
      Notices notices(logs[world.rank()], {.program = "anneal", .quiet = !world.first()});
      statuses[world.rank()] = RunAnneal(config, notices, world);
    });
    log_ = logs[0].str();
    EXPECT_EQ(logs[1].str(), "");
    return statuses;
  }
  void RunPair(const std::string& name) {
    for (const absl::Status& status : Statuses(name)) ASSERT_TRUE(status.ok()) << status;
  }
  void RunAlone(const std::string& name) {
    config_.output_dir = folder_ / name;
    std::ostringstream log;
    const absl::Status status = RunAnneal(config_, log, /*terminal=*/false);
    ASSERT_TRUE(status.ok()) << status;
  }
  std::string Path(const std::string& name, const std::string& type, int64_t image) const {
    return ImagePath(folder_ / name, {.weight_type = type, .index = image});
  }
  // Every picture of the run, under rank 0's number.
  std::vector<RgbImage> Pictures(const std::string& name) const {
    std::vector<RgbImage> pictures;
    for (const std::string& type : config_.weight_type) {
      for (const auto& [image, ranks] : PicturesIn(folder_ / name, type)) {
        EXPECT_THAT(ranks, ElementsAre(0)) << type << image;
        const auto png = ReadPng(Path(name, type, image));
        EXPECT_TRUE(png.ok()) << png.status();
        if (png.ok()) pictures.push_back(png->image);
      }
    }
    return pictures;
  }
  nlohmann::json Result(const std::string& name) const {
    return nlohmann::json::parse(testing::Contents(folder_ / name + "/run.json"))["result"];
  }
  // A pair draws what one process does.
  void ExpectSamePictures(int64_t pictures) {
    RunAlone("alone");
    RunPair("pair");
    ASSERT_EQ(Pictures("alone").size(), pictures);
    EXPECT_TRUE(Pictures("pair") == Pictures("alone"));
    EXPECT_EQ(Result("pair")["images_drawn"], pictures);
    EXPECT_EQ(Result("pair")["ranks"], kRanks);
  }

  testing::TemporaryFolder folder_;
  AnnealConfig config_;
  std::string log_;
};

TEST_F(AnnealPairTest, DrawsThePicturesOfOneProcess) {
  ExpectSamePictures(6);
  EXPECT_EQ(Result("pair")["network_rows"], Result("alone")["network_rows"]);
  EXPECT_EQ(testing::Contents(folder_ / "pair/overview.png"),
            testing::Contents(folder_ / "alone/overview.png"));
  EXPECT_THAT(log_, HasSubstr(", each image by 2 processes"));
  EXPECT_THAT(log_, HasSubstr("6 pictures and overview.png in "));
}

// Steps of one model have one group of rows then, which both ranks evaluate.
TEST_F(AnnealPairTest, WithoutGuidanceToo) {
  config_.sampling.guidance_scale = 1;
  ExpectSamePictures(6);
}

TEST_F(AnnealPairTest, ASamplerThatDrawsNoiseFromOneStreamForAll) {
  config_.noise = "original";
  config_.sampling.sampler = "euler_ancestral";
  ExpectSamePictures(6);
}

TEST_F(AnnealPairTest, APromptOfOriginalNoiseIsDrawnOnce) {
  config_.noise = "original";
  config_.prompt = {"a red circle"};
  ExpectSamePictures(3);
}

TEST_F(AnnealPairTest, SkippingIsTheFirstRanksChoice) {
  RunAlone("run");
  const std::vector<RgbImage> pictures = Pictures("run");
  fs::remove(Path("run", "linear", 1));
  config_.skip_existing = true;
  RunPair("run");
  EXPECT_EQ(Result("run")["images_drawn"], 1);
  EXPECT_EQ(Result("run")["images_kept"], 5);
  EXPECT_TRUE(Pictures("run") == pictures);
  RunPair("run");
  EXPECT_EQ(Result("run")["images_drawn"], 0);
}

// The second picture's noise stands behind the first one's in the one stream.
TEST_F(AnnealPairTest, SkippingGoesOnInTheStreamOfOriginalNoise) {
  config_.noise = "original";
  RunPair("run");
  const std::vector<RgbImage> pictures = Pictures("run");
  fs::remove(Path("run", "linear", 1));
  config_.skip_existing = true;
  RunPair("run");
  EXPECT_EQ(Result("run")["images_drawn"], 1);
  EXPECT_TRUE(Pictures("run") == pictures);
}

TEST_F(AnnealPairTest, ACaptionThatIsCutIsSaidOnce) {
  config_.weight_type = {"base"};
  config_.prompt.assign(1, "");
  for (int i = 0; i < 100; ++i) config_.prompt[0] += "a red circle ";
  RunPair("run");
  EXPECT_THAT(log_, HasSubstr("warning: "));
}

TEST_F(AnnealPairTest, AProbeDrawsTogether) {
  config_.dry_run = "probe";
  RunPair("run");
  EXPECT_THAT(log_, HasSubstr(", each image by 2 processes; memory is of one"));
  EXPECT_THAT(log_, HasSubstr("time    a picture of linear"));
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(AnnealPairTest, ARankWithoutAGpuBesideOneWithIsRefused) {
  RunRanks(kRanks, [](World& world) {
    const ComputeDevice device{
        .network = {world.first() ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU), at::kFloat},
        .name = "",
        .notice = ""};
    const absl::Status status = JoinPair(device, world);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    if (world.first()) {
      EXPECT_EQ(status.message(),
                "--device: found \"cpu\" on rank 1 and \"cuda\" on rank 0, expected the same on "
                "all ranks");
    }
  });
}

}  // namespace
}  // namespace draftp
