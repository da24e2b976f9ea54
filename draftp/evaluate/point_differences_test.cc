#include "draftp/evaluate/point_differences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "draftp/evaluate/test_points.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

OrderedPoint PointOf(const std::vector<testing::MadePicture>& pictures) {
  return InOrder(testing::MakePointPictures(pictures), {"a", "b", "c", "d", "e"});
}

std::vector<PointDifference> DifferencesOf(const std::vector<OrderedPoint>& points) {
  std::vector<const OrderedPoint*> places;
  for (const OrderedPoint& point : points) places.push_back(&point);
  return Differences(places, 0, {});
}

void ExpectInterval(const std::optional<Interval>& found, const Interval& expected) {
  ASSERT_TRUE(found.has_value());
  EXPECT_NEAR(found->mean, expected.mean, 1e-6);
  EXPECT_NEAR(found->low, expected.low, 1e-6);
  EXPECT_NEAR(found->high, expected.high, 1e-6);
}

class PointDifferencesTest : public ::testing::Test {
 protected:
  // Of prompts whose rewards lie far apart; the second is 1, 1.5 and 0.5 above the first, each by
  // its own prompt, and has a picture of a noise of its own.
  const OrderedPoint first_ = PointOf({{"a", "1", 10, 0},
                                       {"a", "2", 11, 1},
                                       {"b", "3", 50, 0},
                                       {"b", "4", 52, 0.5},
                                       {"c", "5", 90, 0.2},
                                       {"c", "6", 95, 0.8}});
  const OrderedPoint second_ = PointOf({{"a", "1", 11, 0},
                                        {"a", "2", 12, 0.5},
                                        {"b", "3", 51.5, 0},
                                        {"b", "4", 53.5, 0.4},
                                        {"b", "7", 0, 0.2},
                                        {"c", "5", 90.5, 0.1},
                                        {"c", "6", 95.5, 0.5}});
};

TEST_F(PointDifferencesTest, RewardsAreOfPicturesOfTheSameNoise) {
  const auto differences = DifferencesOf({first_, second_});
  ASSERT_THAT(differences, SizeIs(1));
  ExpectInterval(differences[0].reward, *MeanInterval({{1, 1}, {1.5, 1.5}, {0.5, 0.5}}));
  const Interval own = *MeanInterval({{10, 11}, {50, 52}, {90, 95}});
  EXPECT_LT(differences[0].reward->high - differences[0].reward->low, (own.high - own.low) / 50);
}

TEST_F(PointDifferencesTest, DiversitiesAreOfPrompts) {
  const auto differences = DifferencesOf({first_, second_});
  const auto spread = [](double angle) { return 1 - std::cos(angle); };
  const double three = (spread(0.4) + spread(0.2) + spread(0.2)) / 3;
  ExpectInterval(differences[0].diversity, *MeanInterval({{spread(0.5) - spread(1)},
                                                          {three - spread(0.5)},
                                                          {spread(0.4) - spread(0.6)}}));
}

TEST_F(PointDifferencesTest, EachTwoPointsTheLaterLessTheEarlier) {
  const auto differences = DifferencesOf({first_, second_, first_});
  std::vector<std::pair<size_t, size_t>> places;
  for (const PointDifference& difference : differences)
    places.emplace_back(difference.point, difference.from);
  EXPECT_THAT(places, ElementsAre(Pair(1, 0), Pair(2, 0), Pair(2, 1)));
  ExpectInterval(differences[1].reward, {0, 0, 0});
  ExpectInterval(differences[2].reward, {-differences[0].reward->mean, -differences[0].reward->high,
                                         -differences[0].reward->low});
}

TEST_F(PointDifferencesTest, WhatCantBePairedHasNone) {
  const OrderedPoint elsewhere = PointOf({{"d", "1", 1, 0}, {"e", "1", 2, 0}});
  const auto differences = DifferencesOf({first_, elsewhere});
  EXPECT_FALSE(differences[0].reward.has_value());
  EXPECT_FALSE(differences[0].diversity.has_value());  // one picture a prompt
}

}  // namespace
}  // namespace draftp
