#include "draftp/kernels/cuda_backend.h"

#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace draftp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(CudaBackendTest, OpensExactlyWhenThereIsADevice) {
  const auto backend = OpenCudaBackend();
  if (CudaDeviceCount() == 0) {
    EXPECT_EQ(backend.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(backend.status().message()), HasSubstr("no CUDA device"));
  } else {
    ASSERT_TRUE(backend.ok()) << backend.status();
    EXPECT_EQ((*backend)->DeviceCount(), CudaDeviceCount());
  }
}

TEST(CudaBackendTest, AKernelThatIsntThereIsAnError) {
  EXPECT_THROW(CudaSymbol("LaunchNothing"), c10::Error);
}

TEST(CudaBackendTest, LinksNoCudaOperatorsIntoTheProgram) {
  std::ifstream maps("/proc/self/maps");
  const std::string loaded((std::istreambuf_iterator<char>(maps)),
                           std::istreambuf_iterator<char>());
  EXPECT_THAT(loaded, HasSubstr("libtorch_cpu"));
  if (CudaDeviceCount() == 0) {
    EXPECT_THAT(loaded, Not(HasSubstr("libtorch_cuda")));
  }
}

}  // namespace
}  // namespace draftp
