// Where points, bars, lines and names stand, by the axes that the picture itself shows.
#include "draftp/report/evaluation_curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "draftp/report/test_evaluation.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string CurveOf(const EvaluationPage& page, size_t reward = 0) {
  return EvaluationCurveSvg(page, ColumnsOf(page), FamiliesOf(page), reward);
}

int CountInSvg(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Every match of a pattern's groups, as numbers.
std::vector<std::vector<double>> NumbersIn(const std::string& text, const std::string& pattern) {
  std::vector<std::vector<double>> all;
  const std::regex regex(pattern);
  for (std::sregex_iterator i(text.begin(), text.end(), regex), end; i != end; ++i) {
    all.emplace_back();
    for (size_t group = 1; group < i->size(); ++group) all.back().push_back(std::stod((*i)[group]));
  }
  return all;
}

// The value at a pixel by two ticks of the picture.
double ValueAt(double pixel, const std::vector<double>& first, const std::vector<double>& last) {
  return first[1] + (pixel - first[0]) / (last[0] - first[0]) * (last[1] - first[1]);
}

TEST(EvaluationCurveTest, PointsStandWhereTheAxesSay) {
  const EvaluationPage page = testing::ExampleEvaluation(1, 1);
  const std::string svg = CurveOf(page);
  const auto x =
      NumbersIn(svg, "<text x=\"([0-9.]+)\" y=\"[0-9.]+\" text-anchor=\"middle\">([0-9.]+)<");
  const auto y = NumbersIn(svg, "y=\"([0-9.]+)\" dy=\".34em\" text-anchor=\"end\">([0-9.]+)<");
  ASSERT_GE(x.size(), 3u);
  ASSERT_GE(y.size(), 3u);
  const auto at = NumbersIn(
      svg,
      "data-point=\"([0-9]+)\"[^>]*translate\\(([0-9.]+) ([0-9.]+)\\)[^M]*M([-0-9.]+) 0H([-0-9.]+)"
      "M0 ([-0-9.]+)V([-0-9.]+)");
  ASSERT_EQ(at.size(), page.points.size());
  for (const std::vector<double>& dot : at) {
    const PagePoint& point = page.points[static_cast<size_t>(dot[0])];
    // Pixels are written to a tenth: 0.0000035 of diversity, 0.0005 of the reward.
    EXPECT_NEAR(ValueAt(dot[1], x.front(), x.back()), point.diversity.mean, 1e-5);
    EXPECT_NEAR(ValueAt(dot[2], y.front(), y.back()), point.rewards[0].mean, 1e-3);
    EXPECT_NEAR(ValueAt(dot[1] + dot[3], x.front(), x.back()), point.diversity.low, 1e-5);
    EXPECT_NEAR(ValueAt(dot[1] + dot[4], x.front(), x.back()), point.diversity.high, 1e-5);
    EXPECT_NEAR(ValueAt(dot[2] + dot[5], y.front(), y.back()), point.rewards[0].low, 1e-3);
    EXPECT_NEAR(ValueAt(dot[2] + dot[6], y.front(), y.back()), point.rewards[0].high, 1e-3);
  }
}

TEST(EvaluationCurveTest, JoinsTheParetoSetAndFamiliesByTheirParameter) {
  EvaluationPage page = testing::ExampleEvaluation(1, 1);
  std::swap(page.points[1], page.points[4]);  // LoRA scales 0.8, 0.4, 0.6, 0.2, 1
  const std::string svg = CurveOf(page);
  EXPECT_EQ(CountInSvg(svg, "class=\"front\""), 1);
  EXPECT_EQ(CountInSvg(svg, "class=\"way "), 2);  // smooth has no parameter
  EXPECT_EQ(CountInSvg(svg, " pareto\""), 5);
  const auto ends = NumbersIn(svg,
                              "class=\"way f0\" data-family=\"1\" d=\"M([0-9.]+) [0-9.]+L([0-9.]+) "
                              "[0-9.]+L([0-9.]+) [0-9.]+L([0-9.]+) [0-9.]+L([0-9.]+)");
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_TRUE(std::is_sorted(ends[0].rbegin(), ends[0].rend()));  // diversity falls with the scale
  const std::vector<PageFamily> families = FamiliesOf(page);
  EXPECT_THAT(families[1].along, ElementsAre(4, 2, 3, 1, 5));
  EXPECT_THAT(families[3].along, ElementsAre());
}

TEST(EvaluationCurveTest, FamiliesDifferInColourOrShape) {
  EvaluationPage page;
  for (int i = 0; i < 56; ++i) page.points.push_back({.family = std::to_string(i)});
  page.points.push_back({.family = "none", .is_base = true});
  const std::vector<PageFamily> families = FamiliesOf(page);
  ASSERT_EQ(families.size(), 57u);
  for (size_t i = 0; i < 57; ++i) {
    for (size_t j = 0; j < i; ++j)
      EXPECT_NE(std::pair(families[i].css, families[i].mark),
                std::pair(families[j].css, families[j].mark));
  }
  EXPECT_EQ(families[56].css, "fbase");
  EXPECT_EQ(FamilyOfPoints(page, families)[40], 40u);
}

TEST(EvaluationCurveTest, NamesDontCoverEachOther) {
  EvaluationPage page;
  for (int i = 0; i < 40; ++i) {  // all in a heap
    page.points.push_back({.name = "a name of some length",
                           .family = "f",
                           .rewards = {{"r", 1 + 0.001 * (i % 7)}},
                           .diversity = {"diversity", 1 + 0.001 * i}});
  }
  const std::string svg = CurveOf(page);
  EXPECT_GE(CountInSvg(svg, "class=\"label\""), 3);
  EXPECT_LT(CountInSvg(svg, "class=\"label\""), 40);
  EXPECT_EQ(CountInSvg(svg, "class=\"point "), 40);
  EXPECT_EQ(CountInSvg(CurveOf(testing::ExampleEvaluation(1, 1)), "class=\"label\""), 11);
}

TEST(EvaluationCurveTest, WhatLacksANumberIsntDrawn) {
  EvaluationPage page = testing::ExampleEvaluation(1, 1);
  page.points[2].diversity.mean = NAN;
  page.points[3].rewards[0].low = NAN;
  const std::string svg = CurveOf(page);
  EXPECT_EQ(CountInSvg(svg, "class=\"point "), 10);
  EXPECT_EQ(CountInSvg(svg, "class=\"bar\""), 10);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("data-point=\"2\"")));
}

TEST(EvaluationCurveTest, OnePointAndNone) {
  EvaluationPage page{.points = {{.name = "p", .rewards = {{"r", 0}}, .diversity = {"d", 0}}}};
  const std::string svg = CurveOf(page);
  EXPECT_EQ(CountInSvg(svg, "class=\"point "), 1);
  for (const char* bad : {"nan", "inf"}) EXPECT_THAT(svg, Not(HasSubstr(bad)));
  page.points[0].diversity.mean = INFINITY;
  EXPECT_THAT(CurveOf(page), HasSubstr("no point has both numbers"));
}

}  // namespace
}  // namespace draftp
