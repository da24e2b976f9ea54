#include "draftp/shard/rank_device.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "draftp/kernels/cuda_backend.h"

namespace draftp {
namespace {

RankInfo Ranks(int local_size) {
  RankInfo info;
  info.size = info.local_size = local_size;
  info.rank = info.local_rank = local_size - 1;
  info.launcher = "torchrun";
  return info;
}

TEST(RankDeviceTest, AProcessAloneAndACpuKeepTheirs) {
  EXPECT_EQ(*RankDevice("cuda:3", RankInfo()), "cuda:3");
  EXPECT_EQ(*RankDevice("auto", RankInfo()), "auto");
  EXPECT_EQ(*RankDevice("cpu", Ranks(4)), "cpu");
}

TEST(RankDeviceTest, MoreProcessesThanGpusAreRefused) {
  const int gpus = CudaDeviceCount(), processes = gpus + 2;
  const auto device = RankDevice("cuda", Ranks(processes));
  EXPECT_TRUE(absl::IsInvalidArgument(device.status()));
  EXPECT_THAT(std::string(device.status().message()),
              testing::HasSubstr(absl::StrCat("torchrun: found ", processes,
                                              " processes on a host with ", gpus, " GPU")));
}

TEST(RankDeviceTest, OneGpuForAllIsRefused) {
  const auto device = RankDevice("cuda:1", Ranks(2));
  EXPECT_TRUE(absl::IsInvalidArgument(device.status()));
  EXPECT_THAT(std::string(device.status().message()),
              testing::HasSubstr("--device: found \"cuda:1\" with 2 processes on this host"));
}

TEST(RankDeviceTest, GpusThatStayIdleAreToldToAProcessAloneOnOne) {
  const std::string notice = IdleGpusNotice(RankInfo(), /*on_gpu=*/true);
  EXPECT_EQ(notice.empty(), CudaDeviceCount() <= 1) << notice;
  EXPECT_EQ(IdleGpusNotice(RankInfo(), /*on_gpu=*/false), "");
  EXPECT_EQ(IdleGpusNotice(Ranks(2), /*on_gpu=*/true), "");
}

TEST(RankDeviceTest, WithoutAGpuAutoIsLeftToChoose) {
  if (CudaDeviceCount() > 0) GTEST_SKIP() << "there is a GPU";
  EXPECT_EQ(*RankDevice("auto", Ranks(2)), "auto");
}

}  // namespace
}  // namespace draftp
