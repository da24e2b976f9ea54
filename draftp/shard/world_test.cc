#include "draftp/shard/world.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/shard/world_fixture.h"

namespace draftp {
namespace {

TEST(WorldTest, AloneEveryCollectiveIsTheIdentity) {
  World world;
  at::Tensor x = at::arange(3, at::kFloat), all = at::zeros({3});
  world.Sum("x", x);
  world.Gather("x", all, x);
  EXPECT_TRUE(at::equal(all, at::arange(3, at::kFloat)));
  world.ExchangeLater("x", all, at::full({3}, 7.0)).Wait();
  EXPECT_TRUE(at::equal(all, at::full({3}, 7.0)));
  EXPECT_EQ(world.size(), 1);
  EXPECT_TRUE(world.first());
  EXPECT_EQ(world.GatherTexts("t", "a"), std::vector<std::string>{"a"});
  EXPECT_FALSE(world.Agree("s", absl::InternalError("no")).ok());
}

TEST(WorldTest, SumsGathersAndScatters) {
  RunRanks(3, [](World& world) {
    at::Tensor sum = at::full({4}, world.rank() + 1.0);
    world.Sum("sum", sum);
    EXPECT_TRUE(at::equal(sum, at::full({4}, 6.0)));
    at::Tensor all = at::zeros({6});
    world.Gather("gather", all, at::full({2}, world.rank() * 1.0));
    EXPECT_EQ(all[5].item<double>(), 2.0);
    at::Tensor own = at::zeros({2});
    world.SumScatterLater("scatter", own, at::arange(6, at::kFloat).contiguous()).Wait();
    EXPECT_EQ(own[0].item<double>(), 3.0 * 2 * world.rank());
    at::Tensor received = at::zeros({6});
    world.ExchangeLater("exchange", received, at::arange(6, at::kFloat) + 10.0 * world.rank())
        .Wait();
    for (int64_t from = 0; from < 3; ++from)
      EXPECT_EQ(received[2 * from + 1].item<double>(), 10.0 * from + 2 * world.rank() + 1);
  });
}

TEST(WorldTest, TextsOfDifferentLengthComeByRank) {
  RunRanks(3, [](World& world) {
    const std::string own(static_cast<size_t>(world.rank() * 10), 'x');
    const auto texts = world.GatherTexts("texts", own);
    for (int r = 0; r < 3; ++r) EXPECT_EQ(texts[r].size(), static_cast<size_t>(10 * r));
    EXPECT_EQ(world.FirstText("first", absl::StrCat("rank ", world.rank())), "rank 0");
  });
}

TEST(WorldTest, OneRanksErrorIsEverybodys) {
  RunRanks(3, [](World& world) {
    EXPECT_TRUE(world.Agree("all well", absl::OkStatus()).ok());
    const absl::Status own =
        world.rank() == 1 ? absl::UnavailableError("disk full") : absl::OkStatus();
    const absl::Status agreed = world.Agree("save", own);
    EXPECT_TRUE(absl::IsUnavailable(agreed));
    EXPECT_EQ(agreed.message(), world.rank() == 1 ? "rank 1: disk full" : "");
  });
}

TEST(WorldTest, AnotherValueOnARankIsNamedOnce) {
  RunRanks(2, [](World& world) {
    EXPECT_TRUE(world.CheckSame("same", {{"--lr", "1"}, {"--steps", "2"}}).ok());
    const absl::Status status =
        world.CheckSame("other", {{"--lr", "1"}, {"--steps", world.first() ? "2" : "3"}});
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_EQ(status.message(),
              world.first() ? "--steps: found \"3\" on rank 1 and \"2\" on rank 0, expected the "
                              "same on all ranks"
                            : "");
  });
}

TEST(WorldTest, AnyIsTrueWhereOneSaysSo) {
  RunRanks(2, [](World& world) {
    EXPECT_FALSE(world.Any("none", false));
    EXPECT_TRUE(world.Any("one", world.rank() == 1));
  });
}

TEST(WorldTest, APortInUseIsNamed) {
  const StoreSocket store = StoreSocket::Open();
  const auto world = World::Join({.rank = 0,
                                  .size = 2,
                                  .local_rank = 0,
                                  .local_size = 2,
                                  .host = "127.0.0.1",
                                  .port = store.port,
                                  .agent_store = false,
                                  .store_fd = -1,
                                  .prefix = "",
                                  .launcher = ""},
                                 {.program = "test", .timeout = 5});
  EXPECT_FALSE(world.ok());
  EXPECT_THAT(std::string(world.status().message()),
              testing::HasSubstr(absl::StrCat("MASTER_PORT: ", store.port, " is in use")));
}

TEST(WorldTest, WhoDoesNotComeIsNamed) {
  const StoreSocket store = StoreSocket::Open();
  const auto world = World::Join({.rank = 0,
                                  .size = 2,
                                  .local_rank = 0,
                                  .local_size = 2,
                                  .host = "127.0.0.1",
                                  .port = store.port,
                                  .agent_store = false,
                                  .store_fd = store.descriptor,
                                  .prefix = "",
                                  .launcher = ""},
                                 {.program = "test", .timeout = 2});
  EXPECT_FALSE(world.ok());
  EXPECT_THAT(std::string(world.status().message()), testing::HasSubstr("rank 1 of 2 didn't come"));
}

}  // namespace
}  // namespace draftp
