// Tests of what a run is said to hold, and of which mode is taken.
#include "draftp/anneal/anneal_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/sdxl/memory_estimate.h"
#include "draftp/sdxl/sampling_setup.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kMiB = 1 << 20;

// SDXL base's sizes at 1024x1024.
constexpr AnnealMemory kSdxl{.base_unet = 4900 * kMiB,
                             .decoder = 189 * kMiB,
                             .text_encoders = 1560 * kMiB,
                             .blocks = 4800 * kMiB,
                             .largest_block = 95 * kMiB,
                             .kept = 220 * kMiB,
                             .call = 300 * kMiB,
                             .decode = 2400 * kMiB};

TEST(AnnealMemoryTest, EachModeHoldsLess) {
  EXPECT_EQ(kSdxl.OnGpu(MemoryMode::kFast), (4900 + 189 + 1560 + 220 + 2400) * kMiB);
  EXPECT_EQ(kSdxl.OnGpu(MemoryMode::kBalanced), (4900 + 189 + 220 + 2400) * kMiB);
  AnnealMemory large = kSdxl;
  large.decode = 9000 * kMiB;
  EXPECT_EQ(large.OnGpu(MemoryMode::kSmall), (100 + 2 * 95 + 189 + 220 + 9000) * kMiB);
  // All weights are loaded first.
  EXPECT_EQ(kSdxl.OnGpu(MemoryMode::kSmall), (4900 + 189 + 1560 + 95) * kMiB);
  // The text encoders' moment is the worst one where all else is small.
  AnnealMemory tiny = kSdxl;
  tiny.decode = tiny.call = kMiB;
  EXPECT_EQ(tiny.OnGpu(MemoryMode::kBalanced), (4900 + 189 + 220 + 1560) * kMiB);
}

TEST(AnnealMemoryTest, AutoTakesTheFirstModeThatFits) {
  const auto chosen = [](int64_t mib) { return MemoryChoice::Of("auto", kSdxl, mib * kMiB).mode; };
  EXPECT_EQ(chosen(80'000), MemoryMode::kFast);
  EXPECT_EQ(chosen(kSdxl.NeededOfGpu(MemoryMode::kFast) / kMiB), MemoryMode::kFast);
  EXPECT_EQ(chosen(kSdxl.NeededOfGpu(MemoryMode::kFast) / kMiB - 1), MemoryMode::kBalanced);
  EXPECT_EQ(chosen(kSdxl.NeededOfGpu(MemoryMode::kBalanced) / kMiB - 1), MemoryMode::kSmall);
  EXPECT_EQ(chosen(1), MemoryMode::kSmall);
  for (const std::string name : {"fast", "balanced", "small"})
    EXPECT_EQ(NameOf(MemoryChoice::Of(name, kSdxl, 1).mode), name);
}

TEST(AnnealMemoryTest, AFailedRunsLineSaysWhatTakesLess) {
  const std::string line = WhatTakesLessMemory(MemoryChoice::Of("fast", kSdxl, 6000 * kMiB), 1);
  EXPECT_THAT(line, HasSubstr("--memory fast takes about 9.64 GiB here, 5.86 GiB were free; "
                              "--memory balanced: about 8.11 GiB; --memory small: about "));
  EXPECT_THAT(line, Not(HasSubstr("--batch_size")));
  const std::string smallest =
      WhatTakesLessMemory(MemoryChoice::Of("small", kSdxl, 6000 * kMiB), 4);
  EXPECT_THAT(smallest, Not(HasSubstr("--memory balanced")));
  EXPECT_THAT(smallest, HasSubstr("a smaller --batch_size"));
}

TEST(AnnealMemoryTest, ANoticeSaysWhatAutoHasTaken) {
  const auto notice = [](const std::string& named, int64_t available) {
    return MemoryNotice(named, MemoryChoice::Of(named, kSdxl, available));
  };
  EXPECT_EQ(
      notice("auto", 6000 * kMiB),
      "5.86 GiB of the GPU are free, --memory fast takes about 9.64 GiB: it is --memory small, "
      "about 6.88 GiB");
  EXPECT_EQ(notice("auto", 80'000 * kMiB), "");
  EXPECT_EQ(notice("small", 80'000 * kMiB), "");
  EXPECT_EQ(notice("small", 0), "--memory has no effect: it is a GPU's, and this run is on a CPU");
  EXPECT_EQ(notice("auto", 0), "");
}

// The embedded model as if on a GPU: weights are what its files hold, half of it in bfloat16's run.
TEST(AnnealMemoryTest, WeightsAreCountedAndWorkGrowsWithSizeAndBatch) {
  AnnealConfig config{.model = "testdata/tiny_sdxl", .images_per_prompt = 4};
  config.prompts = {"testdata/tiny_sdxl/prompts/one_shape_train.txt"};
  config.weight_type = {"linear"};
  const auto plan = MakeAnnealPlan(config);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const SdxlModel model =
      SdxlModel::Load({.model = config.model}, *ChooseDevice("cpu", "float32")).value();
  const NoiseSchedule schedule = MakeNoiseSchedule(config.sampling, model.scheduler).value();
  const auto estimate = [&](ImageSize size, int64_t batch) {
    AnnealPlan with = *plan;
    with.batch_size = batch;
    const ComputeDevice device{
        .network = {.device = at::Device(at::kCUDA, 0)}, .name = "a GPU", .notice = ""};
    return EstimateMemory({config, with, device, model, schedule, size});
  };
  const AnnealMemory one = estimate({128, 128}, 1), batch = estimate({128, 128}, 4),
                     large = estimate({1024, 1024}, 1), larger = estimate({2048, 1024}, 1);
  EXPECT_EQ(one.base_unet, WeightBytes(model.unet));
  EXPECT_LT(one.blocks, one.base_unet);
  EXPECT_GT(one.blocks, one.base_unet * 8 / 10);
  EXPECT_EQ(batch.call, 4 * one.call);
  EXPECT_GT(batch.kept, one.kept);
  EXPECT_NEAR(static_cast<double>(larger.call), 2.0 * large.call, 0.02 * large.call);
  EXPECT_GT(larger.decode, 1.5 * large.decode);
}

}  // namespace
}  // namespace draftp
