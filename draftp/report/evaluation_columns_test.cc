// Columns of points that measured different things, their decimals, and the Pareto set by its
// definition.
#include "draftp/report/evaluation_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace draftp {
namespace {

using ::testing::ElementsAre;

TEST(ColumnsOfTest, AreTheUnionByFirstAppearance) {
  EvaluationPage page;
  page.points.resize(3);
  page.points[0].rewards = {{"a", 1, 0, 2}};
  page.points[1].rewards = {{"b", 5, 4, 6}, {"a", 2, 1, 3}};
  page.points[1].diversity.mean = 0.25;
  page.points[1].numbers = {{"vendi", 3}, {"a", 7}};  // a number may have a reward's name
  page.points[2].numbers = {{"cmmd", 0.5}, {"vendi", 4}};
  const PageColumns columns = ColumnsOf(page);
  std::vector<std::string> names;
  for (const PageColumn& column : columns.columns) names.push_back(column.name);
  EXPECT_THAT(names, ElementsAre("a", "b", "diversity", "vendi", "a", "cmmd"));
  EXPECT_EQ(columns.rewards, 2u);
  EXPECT_EQ(columns.columns[0].values[1].mean, 2);
  EXPECT_EQ(columns.columns[0].values[1].high, 3);
  EXPECT_TRUE(std::isnan(columns.columns[1].values[0].mean));
  EXPECT_EQ(columns.columns[2].values[1].mean, 0.25);
  EXPECT_EQ(columns.columns[4].values[1].mean, 7);
}

int Decimals(const std::vector<PageMeasure>& values) {
  EvaluationPage page;
  for (const PageMeasure& value : values) page.points.push_back({.rewards = {value}});
  return ColumnsOf(page).columns[0].decimals;
}

TEST(ColumnsOfTest, DecimalsShowTwoDigitsOfTheIntervalsHalf) {
  EXPECT_EQ(Decimals({{"r", 31.6, 31.5, 31.7}, {"r", 31.6, 31.51, 31.7}}), 2);  // 0.10
  EXPECT_EQ(Decimals({{"r", 0.063, 0.059, 0.067}}), 4);                         // 0.0040
  EXPECT_EQ(Decimals({{"r", 1234.5, 1100, 1400}}), 0);
}

TEST(ColumnsOfTest, DecimalsWithoutIntervalsShowFourDigitsOrFewer) {
  EXPECT_EQ(Decimals({{"r", 8.61237}, {"r", 0.5}}), 3);
  EXPECT_EQ(Decimals({{"r", 0.9}, {"r", 0.75}}), 2);
  EXPECT_EQ(Decimals({{"r", 12}, {"r", 7}}), 0);
  EXPECT_EQ(Decimals({{"r", 2e-5}}), -1);
  EXPECT_EQ(Decimals({{"r", NAN}}), 0);
}

TEST(ColumnNumberTest, HasTheColumnsDecimals) {
  EXPECT_EQ(ColumnNumber(31.6284, 2), "31.63");
  EXPECT_EQ(ColumnNumber(-0.0001, 2), "0.00");
  EXPECT_EQ(ColumnNumber(2.5e-6, -1), "2.5e-6");
  EXPECT_EQ(ColumnNumber(NAN, 2), "\u2013");
  EXPECT_EQ(ColumnNumber(INFINITY, 2), "inf");
}

TEST(ParetoSetTest, IsThatOfTheDefinition) {
  std::mt19937 random(5);
  EvaluationPage page;
  for (int i = 0; i < 60; ++i) {
    const double x = static_cast<double>(random() % 12), y = static_cast<double>(random() % 12);
    page.points.push_back({.pareto = i % 2 == 0,
                           .rewards = {{"first", 0, 0, 0}, {"second", y, y, y}},
                           .diversity = {"diversity", i == 7 ? NAN : x, x, x}});
  }
  const PageColumns columns = ColumnsOf(page);
  const std::vector<bool> second = ParetoSet(page, columns, 1);
  for (size_t i = 0; i < page.points.size(); ++i) {
    const auto at = [&](size_t j) {
      return std::pair(page.points[j].diversity.mean, page.points[j].rewards[1].mean);
    };
    int better = 0;
    for (size_t j = 0; j < page.points.size(); ++j) {
      better += at(j).first >= at(i).first && at(j).second >= at(i).second && at(j) != at(i) &&
                !std::isnan(at(j).first);
    }
    EXPECT_EQ(second[i], better == 0 && i != 7) << i;
  }
  EXPECT_TRUE(ParetoSet(page, columns, 0)[0]);  // what the points say
  EXPECT_FALSE(ParetoSet(page, columns, 0)[1]);
}

}  // namespace
}  // namespace draftp
