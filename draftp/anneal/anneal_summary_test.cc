// Tests of an annealing run's first and last line.
#include "draftp/anneal/anneal_summary.h"

#include <gtest/gtest.h>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

TEST(AnnealSummaryTest, SaysWhatWillBeDrawn) {
  AnnealConfig config{
      .weight_type = {"base", "step_0.6"}, .prompt = {"a", "b", "c"}, .batch_size = 2};
  const ComputeDevice cpu{.network = {at::kCPU, at::kFloat}, .name = "cpu", .notice = ""};
  EXPECT_EQ(DescribeDrawing(config, *MakeAnnealPlan(config), {128, 64}, cpu),
            "draws 3 prompts with 2 weight types (base, step_0.6): 6 pictures of 64x128, 25 steps "
            "each, 2 at once, on cpu in float32");
  config.weight_type = {"base"};
  config.prompt = {"a"};
  config.sampling.steps = 1;
  EXPECT_EQ(DescribeDrawing(config, *MakeAnnealPlan(config), {128, 64}, cpu),
            "draws 1 prompt with 1 weight type (base): 1 picture of 64x128, 1 step each, 2 at "
            "once, on cpu in float32");
  config.images_per_prompt = 3;
  EXPECT_NE(DescribeDrawing(config, *MakeAnnealPlan(config), {128, 64}, cpu)
                .find("1 prompt 3 times each with 1 weight type (base): 3 pictures"),
            std::string::npos);
  EXPECT_TRUE(DescribeDrawing(config, *MakeAnnealPlan(config, 1, 4), {128, 64}, cpu)
                  .ends_with(": 3 pictures of 64x128, 1 step each, 2 at once, on cpu in float32, "
                             "by 4 processes"));
}

TEST(AnnealSummaryTest, SaysWhatWasDrawnAndWhatKept) {
  EXPECT_EQ(DescribeDrawn(1, 0, "out"), "1 picture and overview.png in out");
  EXPECT_EQ(DescribeDrawn(15, 0, "out"), "15 pictures and overview.png in out");
  EXPECT_EQ(DescribeDrawn(0, 15, "out"), "0 pictures drawn, 15 kept, and overview.png in out");
}

}  // namespace
}  // namespace draftp
