// Tests of the list of a family's members.
#include "draftp/schedule/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace draftp {
namespace {

using ::testing::ElementsAre;

constexpr Registered<int, double> kMembers[] = {
    {"down", [](const double& x) { return static_cast<int>(x); }, "scale"},
    {"up", [](const double& x) { return static_cast<int>(x) + 1; }, "scale_x order", "UpClass"},
    {"zero", [](const double&) { return 0; }, "order scale"}};
constexpr Registry kRegistry(kMembers);

TEST(RegistryTest, FindsMembersByTheirNames) {
  EXPECT_EQ(kRegistry.Find("down")->make(2.5), 2);
  EXPECT_EQ(kRegistry.Find("up")->make(2.5), 3);
  EXPECT_EQ(kRegistry.Find("up")->original, "UpClass");
  EXPECT_EQ(kRegistry.Find("u"), nullptr);
  EXPECT_EQ(kRegistry.Find(""), nullptr);
  EXPECT_THAT(kRegistry.Names(), ElementsAre("down", "up", "zero"));
  EXPECT_EQ(kRegistry.List(), "down, up, zero");
}

TEST(RegistryTest, KnowsWhoTakesAnOption) {
  EXPECT_TRUE(kRegistry.Takes("down", "scale"));
  EXPECT_FALSE(kRegistry.Takes("up", "scale"));  // scale_x alone
  EXPECT_FALSE(kRegistry.Takes("down", ""));
  EXPECT_FALSE(kRegistry.Takes("gone", "scale"));
  EXPECT_EQ(kRegistry.TakersOf("scale"), "down and zero");
  EXPECT_EQ(kRegistry.TakersOf("order"), "up and zero");
  EXPECT_EQ(kRegistry.TakersOf("scale_x"), "up");
  EXPECT_EQ(kRegistry.TakersOf("none"), "");
}

}  // namespace
}  // namespace draftp
