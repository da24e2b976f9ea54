#include "draftp/evaluate/evaluation_files.h"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "draftp/io/csv.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

EvaluationPoint MakePoint(const std::string& name, double reward, std::optional<double> diversity) {
  EvaluationPoint point{name, "annealed", 0.5, "/out/pictures/" + name};
  point.measures.images = 2;
  point.measures.rewards = {{"Trained", {1, 0, 2}, Interval{0.5, 0.4, 0.6}},
                            {"Held out", {reward, reward - 1, reward + 1}}};
  if (diversity) point.measures.diversity = Interval{*diversity, 0, 1};
  point.measures.numbers.assign(MetricTexts().size(), 0.25);
  point.measures.numbers.back() = std::nullopt;
  point.pictures.pictures.scores.rewards = at::zeros({2, 2}, at::kDouble);
  point.pictures.pictures.pictures = {{"/out/pictures/" + name + "/x y.png", "a", "1"},
                                      {"/out/pictures/" + name + "/z.png", "a", "2"}};
  point.pictures.prompt_of = {0, 0};
  return point;
}

Evaluation MakeEvaluation() {
  Evaluation evaluation{
      .title = "t",
      .summary = "",
      .prompts = {"a"},
      .reward_names = {"Trained", "Held out"},
      .chosen_reward = 1,
      .points = {MakePoint("base", 1, 0.5), MakePoint("weights(0.2,\"x\")", 3, 0.45),
                 MakePoint("draft", 9, 0.1), MakePoint("worse", 2, 0.3),
                 MakePoint("single", 20, std::nullopt)}};
  ChoosePoints(0.8, evaluation);
  return evaluation;
}

TEST(EvaluationFilesTest, TheParetoSetAndTheBestAreByTheHeldOutReward) {
  const Evaluation evaluation = MakeEvaluation();
  std::vector<bool> pareto;
  for (const EvaluationPoint& point : evaluation.points) pareto.push_back(point.pareto);
  EXPECT_THAT(pareto, ElementsAre(true, true, true, false, false));
  EXPECT_DOUBLE_EQ(*evaluation.least_diversity, 0.4);
  EXPECT_EQ(evaluation.best, 1u);
}

TEST(EvaluationFilesTest, JsonHasEveryNumber) {
  const auto json = ToJson(MakeEvaluation(), "/out");
  EXPECT_EQ(json["chosen_reward"], "Held out");
  EXPECT_EQ(json["best"]["name"], "weights(0.2,\"x\")");
  ASSERT_EQ(json["points"].size(), 5u);
  const auto& point = json["points"][0];
  EXPECT_EQ(point["name"], "base");
  EXPECT_EQ(point["images"], 2);
  EXPECT_EQ(point["rewards"]["Held out"]["mean"], 1);
  EXPECT_EQ(point["rewards"]["Held out"]["low"], 0);
  EXPECT_EQ(point["rewards"]["Trained"]["win_rate"]["high"], 0.6);
  EXPECT_TRUE(point["rewards"]["Held out"]["win_rate"].is_null());
  EXPECT_EQ(point["diversity"]["mean"], 0.5);
  EXPECT_EQ(point["pictures"], "pictures/base");
  for (const char* key :
       {"vendi", "frechet_distance", "cmmd", "recall", "precision", "density", "coverage"})
    EXPECT_EQ(point[key], 0.25) << key;
  EXPECT_TRUE(point["colour_entropy"].is_null());
  EXPECT_EQ(point["pareto"], true);
  EXPECT_TRUE(json["points"][4]["diversity"].is_null());
}

TEST(EvaluationFilesTest, DifferencesNameTheirPoints) {
  Evaluation evaluation = MakeEvaluation();
  evaluation.differences = {{2, 0, Interval{8, 7, 9}, std::nullopt}};
  const auto json = ToJson(evaluation, "/out");
  ASSERT_EQ(json["differences"].size(), 1u);
  EXPECT_EQ(json["differences"][0]["point"], "draft");
  EXPECT_EQ(json["differences"][0]["from"], "base");
  EXPECT_EQ(json["differences"][0]["reward"]["high"], 9);
  EXPECT_TRUE(json["differences"][0]["diversity"].is_null());
  const EvaluationPage page = ToPage(evaluation, "/out");
  ASSERT_EQ(page.differences.size(), 1u);
  EXPECT_EQ(page.differences[0].point, 2u);
  EXPECT_EQ(page.differences[0].reward.low, 7);
}

TEST(EvaluationFilesTest, CsvIsReadBack) {
  const std::string csv = ToCsv(MakeEvaluation());
  CsvReader reader("csv", csv);
  ASSERT_TRUE(*reader.Next());
  const std::vector<std::string> names = reader.fields();
  EXPECT_EQ(names[0], "name");
  ASSERT_TRUE(*reader.Next());
  ASSERT_TRUE(*reader.Next());
  EXPECT_EQ(reader.fields()[0], "weights(0.2,\"x\")");
  const auto column = std::ranges::find(names, "Held out") - names.begin();
  EXPECT_EQ(reader.fields()[static_cast<size_t>(column)], "3");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(*reader.Next());
  EXPECT_FALSE(*reader.Next());
}

TEST(EvaluationFilesTest, ThePageBeginsWithTheChosenRewardAndLinksItsPictures) {
  const EvaluationPage page = ToPage(MakeEvaluation(), "/out");
  ASSERT_EQ(page.points.size(), 5u);
  EXPECT_EQ(page.points[1].rewards.front().name, "Held out");
  EXPECT_TRUE(page.points[0].is_base);
  ASSERT_EQ(page.points[0].pictures.size(), 2u);
  EXPECT_EQ(page.points[0].pictures[0].original, "pictures/base/x y.png");
  EXPECT_EQ(page.points[2].pictures[1].image, page.points[0].pictures[1].image);
  EXPECT_TRUE(std::isnan(page.points[4].diversity.mean));
  EXPECT_THAT(RenderEvaluationPage(page), HasSubstr("<svg"));
}

}  // namespace
}  // namespace draftp
