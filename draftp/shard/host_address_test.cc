#include "draftp/shard/host_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace draftp {
namespace {

using ::testing::HasSubstr;

TEST(HostAddressTest, TheLoopbackLeadsToItself) {
  const auto route = RouteTo("127.0.0.1");
  ASSERT_TRUE(route.ok()) << route.status();
  EXPECT_EQ(route->from, "127.0.0.1");
  EXPECT_EQ(route->to, "127.0.0.1");
}

TEST(HostAddressTest, ANameThatNobodyKnowsIsNamed) {
  const auto route = RouteTo("no-such-host.invalid");
  EXPECT_TRUE(absl::IsUnavailable(route.status()));
  EXPECT_THAT(std::string(route.status().message()),
              HasSubstr("MASTER_ADDR: found no-such-host.invalid, "));
}

TEST(HostAddressTest, LoopbacksAreKnownInBothFamilies) {
  for (const char* address : {"127.0.0.1", "127.0.1.1", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(IsLoopback(address)) << address;
  for (const char* address : {"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "12.7.0.1"})
    EXPECT_FALSE(IsLoopback(address)) << address;
}

// The host of the store knows its name as 127.0.1.1, the other by the address on their network.
TEST(HostAddressTest, AHostThatKnowsItselfByTheLoopbackIsWhereTheOthersFindIt) {
  const Route here{"127.0.0.1", "127.0.1.1"}, there{"192.0.2.2", "192.0.2.1"};
  const std::vector<Route> routes = {here, here, there, there};
  EXPECT_EQ(ReachableAddress(routes, 0), "192.0.2.1");
  EXPECT_EQ(ReachableAddress(routes, 1), "192.0.2.1");
  EXPECT_EQ(ReachableAddress(routes, 2), "192.0.2.2");
}

TEST(HostAddressTest, AHostThatKnowsItsAddressKeepsIt) {
  const std::vector<Route> routes = {{"192.0.2.1", "192.0.2.1"}, {"198.51.100.7", "192.0.2.1"}};
  EXPECT_EQ(ReachableAddress(routes, 0), "192.0.2.1");
  EXPECT_EQ(ReachableAddress(routes, 1), "198.51.100.7");
}

TEST(HostAddressTest, OneHostStaysOnTheLoopback) {
  EXPECT_EQ(ReachableAddress({{"127.0.0.1", "127.0.1.1"}, {"127.0.0.1", "127.0.1.1"}}, 1),
            "127.0.0.1");
}

}  // namespace
}  // namespace draftp
