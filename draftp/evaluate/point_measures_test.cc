#include "draftp/evaluate/point_measures.h"

#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/evaluate/test_points.h"
#include "draftp/io/png.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

PointPictures MakePoint(const testing::TemporaryFolder& folder, const std::string& name,
                        const std::vector<testing::MadePicture>& pictures, uint8_t grey) {
  PointPictures point = testing::MakePointPictures(pictures);
  for (size_t i = 0; i < pictures.size(); ++i) {
    const std::string path = folder / (name + std::to_string(i) + ".png");
    EXPECT_TRUE(WritePng(path, FilledImage(4, 4, grey, grey, grey)).ok());
    point.pictures[i].path = path;
  }
  return point;
}

double NumberOf(const PointMeasures& measures, const std::string& key) {
  for (size_t i = 0; i < MetricTexts().size(); ++i) {
    if (key == MetricTexts()[i].key) return measures.numbers[i].value_or(std::nan(""));
  }
  ADD_FAILURE() << key;
  return 0;
}

class PointMeasuresTest : public ::testing::Test {
 protected:
  PointMeasuresTest() {
    std::vector<PointPictures> points = {
        MakePoint(folder_, "base",
                  {{"a", "1", 1, 0.0}, {"b", "3", 5, 0.5}, {"a", "2", 2, 0.2}, {"b", "4", 6, 0.1}},
                  100),
        // In another order, one picture that base hasn't.
        MakePoint(folder_, "tuned",
                  {{"b", "4", 7, 0.3}, {"a", "2", 1, 0.0}, {"a", "1", 3, 0.6}, {"b", "9", 9, 0.2}},
                  130)};
    prompts_ = PromptsOf(points);
    base_ = InOrder(std::move(points[0]), prompts_);
    tuned_ = InOrder(std::move(points[1]), prompts_);
  }

  testing::TemporaryFolder folder_;
  std::vector<std::string> prompts_;
  OrderedPoint base_, tuned_;
  const MeasureOptions options_{.reward_names = {"R"}, .resamples = 200};
};

TEST_F(PointMeasuresTest, PicturesComePromptByPrompt) {
  EXPECT_THAT(prompts_, ElementsAre("a", "b"));
  EXPECT_THAT(base_.prompt_of, ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(base_.sizes, ElementsAre(2, 2));
  const at::Tensor rewards = tuned_.pictures.scores.rewards.flatten();
  EXPECT_EQ(rewards[0].item<double>(), 1);  // the first of "a", as it came
  EXPECT_EQ(rewards[1].item<double>(), 3);
  EXPECT_EQ(tuned_.pictures.pictures[3].noise, "9");
}

TEST_F(PointMeasuresTest, RewardsAndWinsByPairsOfTheSameNoise) {
  const auto measures = Measure(tuned_, &base_, options_);
  ASSERT_TRUE(measures.ok()) << measures.status();
  EXPECT_EQ(measures->images, 4);
  EXPECT_EQ(measures->prompts, 2);
  EXPECT_EQ(measures->pairs, 3);
  EXPECT_DOUBLE_EQ(measures->rewards[0].value.mean, ((1 + 3) / 2.0 + (7 + 9) / 2.0) / 2);
  // Of "a": 3 > 1 wins, 1 < 2 loses; of "b": 7 > 6 wins.
  EXPECT_DOUBLE_EQ(measures->rewards[0].win_rate->mean, (0.5 + 1.0) / 2);
}

TEST_F(PointMeasuresTest, DiversityAndDriftOfWhatIsThere) {
  const auto measures = Measure(tuned_, &base_, options_);
  ASSERT_TRUE(measures.ok()) << measures.status();
  EXPECT_NEAR(measures->diversity->mean, 1 - (std::cos(0.6) + std::cos(0.1)) / 2, 1e-6);
  EXPECT_NEAR(NumberOf(*measures, "drift"), 30, 1e-9);
  EXPECT_GT(NumberOf(*measures, "cmmd"), 0);
}

TEST_F(PointMeasuresTest, TooFewPicturesForAMetricSaysHowMany) {
  const auto measures = Measure(tuned_, &base_, options_);
  ASSERT_TRUE(measures.ok()) << measures.status();
  // 4 pictures are enough for 3 neighbours, not for 5.
  EXPECT_FALSE(std::isnan(NumberOf(*measures, "recall")));
  EXPECT_TRUE(std::isnan(NumberOf(*measures, "recall_k5")));
  ASSERT_THAT(measures->missing, SizeIs(1));
  EXPECT_THAT(measures->missing[0], HasSubstr("4"));
  EXPECT_THAT(measures->missing[0], HasSubstr("6"));
}

TEST_F(PointMeasuresTest, BaseAgainstItself) {
  const auto measures = Measure(base_, &base_, options_);
  ASSERT_TRUE(measures.ok()) << measures.status();
  EXPECT_FALSE(measures->rewards[0].win_rate.has_value());
  EXPECT_NEAR(NumberOf(*measures, "cmmd"), 0, 1e-9);
  EXPECT_NEAR(NumberOf(*measures, "frechet_distance"), 0, 1e-9);
  EXPECT_EQ(NumberOf(*measures, "drift"), 0);
}

TEST_F(PointMeasuresTest, WithoutABaseTheRestIsMeasured) {
  const auto measures = Measure(tuned_, nullptr, options_);
  ASSERT_TRUE(measures.ok()) << measures.status();
  EXPECT_TRUE(std::isnan(NumberOf(*measures, "frechet_distance")));
  EXPECT_TRUE(measures->diversity.has_value());
  EXPECT_EQ(measures->pairs, 0);
}

}  // namespace
}  // namespace draftp
