#include "draftp/anneal/anneal_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AnnealPlanTest : public ::testing::Test {
 protected:
  AnnealPlanTest() {
    config_.prompts = {folder_.Write("prompts.txt", "one\ntwo\nthree\nfour\nfive\n")};
  }
  testing::TemporaryFolder folder_;
  AnnealConfig config_;
};

TEST_F(AnnealPlanTest, ImagesArePromptMajorAndTheLastBatchMayBeShort) {
  config_.images_per_prompt = 3;
  config_.batch_size = 4;
  const auto plan = MakeAnnealPlan(config_);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->images(), 15);
  EXPECT_EQ(plan->batches(), 4);
  EXPECT_THAT(plan->Batch(1), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(plan->Batch(3), ElementsAre(12, 13, 14));
  EXPECT_EQ(plan->PromptOf(5), "two");
  EXPECT_EQ(plan->PromptOf(6), "three");
}

TEST_F(AnnealPlanTest, RanksTakeEveryNthImage) {
  config_.images_per_prompt = 3;
  config_.batch_size = 2;
  const auto plan = MakeAnnealPlan(config_, /*rank=*/3, /*ranks=*/4);
  EXPECT_EQ(plan->images(), 15);
  EXPECT_EQ(plan->own_images(), 3);
  EXPECT_EQ(plan->batches(), 2);
  EXPECT_THAT(plan->Batch(0), ElementsAre(3, 7));
  EXPECT_THAT(plan->Batch(1), ElementsAre(11));
  EXPECT_EQ(MakeAnnealPlan(config_, 2, 4)->own_images(), 4);
  EXPECT_EQ(MakeAnnealPlan(config_, 15, 16)->batches(), 0);
}

TEST_F(AnnealPlanTest, OnlyAPromptOfOriginalNoiseIsDrawnByEachRank) {
  config_.noise = "original";
  EXPECT_THAT(MakeAnnealPlan(config_, 1, 2)->Batch(0), ElementsAre(1));
  config_.prompt = {"a single star"};
  EXPECT_THAT(MakeAnnealPlan(config_, 1, 2)->Batch(0), ElementsAre(0));
  EXPECT_EQ(MakeAnnealPlan(config_, 1, 2)->pictures(), 2);
  config_.noise = "per_image";
  EXPECT_EQ(MakeAnnealPlan(config_, 1, 2)->batches(), 0);
  EXPECT_EQ(MakeAnnealPlan(config_, 1, 2)->pictures(), 1);
}

TEST_F(AnnealPlanTest, TheRanksOfAModelPairDrawTheImagesOfOneProcess) {
  config_.share = "model_pair";
  for (const char* noise : {"per_image", "original"}) {
    config_.noise = noise;
    for (const int rank : {0, 1}) {
      const auto plan = MakeAnnealPlan(config_, rank, 2);
      ASSERT_TRUE(plan.ok()) << plan.status();
      EXPECT_EQ(plan->together, 2);
      EXPECT_EQ(plan->rank, 0);
      EXPECT_EQ(plan->own_images(), 5);
      EXPECT_THAT(plan->Batch(3), ElementsAre(3));
      EXPECT_EQ(DescribeProcesses(*plan), ", each image by 2 processes");
    }
  }
  config_.prompt = {"a single star"};  // with --noise original
  EXPECT_EQ(MakeAnnealPlan(config_, 1, 2)->pictures(), 1);
}

TEST_F(AnnealPlanTest, AModelPairIsOfTwo) {
  config_.share = "model_pair";
  const absl::Status one = MakeAnnealPlan(config_).status();
  EXPECT_EQ(one.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(one.message(), "--share: found model_pair with 1 process, expected 2 (--nproc 2)");
  EXPECT_EQ(MakeAnnealPlan(config_, 1, 3).status().message(),
            "--share: found model_pair with 3 processes, expected 2 (--nproc 2)");
}

TEST_F(AnnealPlanTest, APromptReplacesTheFile) {
  config_.prompt = {"a single star"};
  EXPECT_THAT(MakeAnnealPlan(config_)->prompts, ElementsAre("a single star"));
}

TEST_F(AnnealPlanTest, PromptsComeFromEveryKindOfFile) {
  config_.prompts = {
      folder_.Write("a.jsonl", "{\"prompt\": \"one\", \"tag\": 1}\n{\"text\": \"\"}\n"),
      folder_.Write("b.csv", "Prompt;id\ntwo, three;1\n")};
  EXPECT_THAT(MakeAnnealPlan(config_)->prompts, ElementsAre("one", "", "two, three"));
}

TEST_F(AnnealPlanTest, AnEmptyPromptIsDrawn) {
  config_.prompt = {""};
  EXPECT_THAT(MakeAnnealPlan(config_)->prompts, ElementsAre(""));
}

TEST_F(AnnealPlanTest, MaxPromptsTakesTheFirst) {
  config_.max_prompts = 2;
  EXPECT_THAT(MakeAnnealPlan(config_)->prompts, ElementsAre("one", "two"));
}

TEST_F(AnnealPlanTest, ImagesAreBounded) {
  config_.images_per_prompt = 200'000;
  EXPECT_TRUE(MakeAnnealPlan(config_).ok());
  config_.images_per_prompt = 200'001;
  EXPECT_EQ(MakeAnnealPlan(config_).status().message(),
            "--images_per_prompt: found 200001 of 5 prompts, expected at most 200000, 1000000 "
            "images altogether");
  std::string lines;
  for (int i = 0; i <= 1'000'000; ++i) lines += "a\n";
  config_.prompts = {folder_.Write("prompts.txt", lines)};
  EXPECT_THAT(std::string(MakeAnnealPlan(config_).status().message()),
              HasSubstr("--prompts: found 1000001 prompts"));
}

TEST_F(AnnealPlanTest, AWeightTypeTooLongForAFolderIsAUsageError) {
  std::string table = "table(0.25";
  while (table.size() < 198) table += ",1";
  config_.weight_type = {table + ")"};
  EXPECT_TRUE(MakeAnnealPlan(config_).ok());
  config_.weight_type = {table + ",1)"};
  const absl::Status status = MakeAnnealPlan(config_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("of 201 characters, expected at most 200"));
}

TEST_F(AnnealPlanTest, AMissingPromptFileIsNamed) {
  config_.prompts = {folder_ / "absent.txt"};
  EXPECT_THAT(std::string(MakeAnnealPlan(config_).status().message()), HasSubstr("absent.txt"));
}

TEST_F(AnnealPlanTest, OriginalNoiseInsideARunCannotSkip) {
  config_.noise = "original";
  config_.skip_existing = true;
  EXPECT_TRUE(MakeAnnealPlan(config_).ok());
  config_.sampling.sampler = "euler_ancestral";
  EXPECT_THAT(std::string(MakeAnnealPlan(config_).status().message()),
              HasSubstr("--skip_existing"));
}

TEST_F(AnnealPlanTest, ScheduleFollowsTheDiscretisationAndTheCheckpointsBetas) {
  const SchedulerConfig sdxl{PredictionType::kEpsilon, 0.00085, 0.012, 1000};
  config_.sampling.steps = 4;
  const auto legacy = MakeNoiseSchedule(config_.sampling, sdxl);
  ASSERT_EQ(legacy->sigmas.size(), 5u);
  EXPECT_NEAR(legacy->sigmas[0], 14.6146, 1e-4);  // sigma_999 of SDXL
  config_.sampling.discretization = "edm";
  config_.sampling.sigma_max = 80;
  EXPECT_DOUBLE_EQ(MakeNoiseSchedule(config_.sampling, sdxl)->sigmas[0], 80);
  config_.sampling.discretization = "trailing";
  const SchedulerConfig flat{PredictionType::kEpsilon, 0.0001, 0.0002, 1000};
  EXPECT_LT(MakeNoiseSchedule(config_.sampling, flat)->sigmas[0], 1);
}

TEST_F(AnnealPlanTest, StepsBeyondTheTableNameTheFlag) {
  config_.sampling.steps = 1001;
  const auto schedule =
      MakeNoiseSchedule(config_.sampling, {PredictionType::kEpsilon, 0.00085, 0.012, 1000});
  EXPECT_THAT(std::string(schedule.status().message()),
              HasSubstr("--steps: found 1001, expected 1 to 1000"));
}

TEST_F(AnnealPlanTest, SizesAreTheModelsOwnUnlessGivenAndFitTheDecoder) {
  config_.sampling.width = 96;
  EXPECT_EQ(ChooseSize(config_.sampling, {128, 128}, 8)->height, 128);
  EXPECT_EQ(ChooseSize(config_.sampling, {128, 128}, 8)->width, 96);
  config_.sampling.width = 72;
  EXPECT_THAT(std::string(ChooseSize(config_.sampling, {128, 128}, 16).status().message()),
              HasSubstr("--width: found 72, expected a multiple of 16"));
}

TEST_F(AnnealPlanTest, WorkCountsTheModelsThatAreEvaluated) {
  config_.weight_type = {"base", "draft", "linear", "step_0.6"};
  const auto plan = MakeAnnealPlan(config_);
  // base 10, draft 10, linear 1 + 9 * 2 (its first weight is 0), step 10 (one model or the other).
  EXPECT_EQ(WorkPerImage(plan->blends, {DdpmTable::Standard(), {10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}}),
            10 + 10 + 19 + 10);
}

TEST_F(AnnealPlanTest, TimesAreTheCheckpointsOwn) {
  config_.weight_type = {"interval(0.5,1,linear)@time"};
  config_.sampling.steps = 10;
  // Whatever the betas, a run's times are 0.999, 0.899, ..., of which five lie in the interval: one
  // of weight 0 and four of both models.
  for (const double beta_end : {0.012, 0.002}) {
    const auto schedule =
        MakeNoiseSchedule(config_.sampling, {PredictionType::kEpsilon, 0.00085, beta_end, 1000});
    EXPECT_EQ(WorkPerImage(MakeAnnealPlan(config_)->blends, *schedule), 10 + 4) << beta_end;
  }
}

TEST_F(AnnealPlanTest, DiscretisationsTakeTheirOptionsInTheText) {
  const SchedulerConfig sdxl{PredictionType::kEpsilon, 0.00085, 0.012, 1000, 1};
  config_.sampling.discretization = "edm(0.03,80,7)";
  const auto typed = MakeNoiseSchedule(config_.sampling, sdxl);
  config_.sampling.discretization = "edm";
  config_.sampling.sigma_min = 0.03;
  config_.sampling.sigma_max = 80;
  config_.sampling.rho = 7;
  EXPECT_EQ(typed->sigmas, MakeNoiseSchedule(config_.sampling, sdxl)->sigmas);
  config_.sampling.discretization = "leading(0)";
  config_.sampling.steps = 10;
  EXPECT_EQ(MakeNoiseSchedule(config_.sampling, sdxl)->sigmas[0],
            DdpmTable::Standard().sigmas()[900]);
}

// Rows of a step outside the interval are one an image.
TEST_F(AnnealPlanTest, GuidesWithinTheIntervalAlone) {
  config_.sampling.guidance_interval = {0.3, 5};
  const auto guider = MakeGuider(config_.sampling);
  EXPECT_EQ(guider->Conditions({0, 3, 14.0, 4.0}).size(), 1u);
  EXPECT_EQ(guider->Conditions({1, 3, 4.0, 0.2}).size(), 2u);
  EXPECT_EQ(guider->Conditions({2, 3, 0.2, 0.0}).size(), 1u);
  config_.sampling.guidance_interval = {0, 0};
  EXPECT_EQ(MakeGuider(config_.sampling)->Conditions({0, 3, 14.0, 4.0}).size(), 2u);
}

TEST_F(AnnealPlanTest, LeadingTakesTheCheckpointsOffset) {
  config_.sampling.discretization = "leading";
  config_.sampling.steps = 10;
  SchedulerConfig scheduler{PredictionType::kEpsilon, 0.00085, 0.012, 1000};
  for (const int offset : {0, 1}) {
    scheduler.steps_offset = offset;
    const auto schedule = MakeNoiseSchedule(config_.sampling, scheduler);
    EXPECT_EQ(schedule->sigmas[0], schedule->table.sigmas()[900 + offset]);
  }
  scheduler.steps_offset = 2;
  EXPECT_THAT(
      std::string(MakeNoiseSchedule(config_.sampling, scheduler).status().message()),
      HasSubstr("scheduler_config.json: noise levels \"leading\": steps_offset is 2, expected 0"));
}

}  // namespace
}  // namespace draftp
