#include "draftp/run/system_limits.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

// In a process of its own, since limits can't be raised again.
int ExitCodeOf(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

rlim_t AddressSpaceInUse() {
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  statm >> pages;
  return pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

bool Allow(rlim_t more) {
  const rlimit limit{AddressSpaceInUse() + more, RLIM_INFINITY};
  return setrlimit(RLIMIT_AS, &limit) == 0;
}

TEST(CheckThreadsTest, AFewCanAlwaysBeStarted) {
  EXPECT_TRUE(CheckThreads(4).ok());
  EXPECT_GE(ThreadsOfARun(), 4);
}

TEST(CheckThreadsTest, SaysWhatIsMissing) {
  EXPECT_EQ(ExitCodeOf([] {
              if (!Allow(4 << 20)) return false;
              const std::string said(CheckThreads(1000).message());
              return said.starts_with("found room for ") &&
                     said.find(" more threads, expected 1000") != std::string::npos;
            }),
            0);
}

TEST(MemoryLimitTest, IsNearWhereLessThanAGibIsLeft) {
  EXPECT_EQ(ExitCodeOf([] {
              return Allow(rlim_t{3} << 30) && HasMemoryLimit() && !MemoryLimitIsNear() &&
                     Allow(rlim_t{1} << 29) && MemoryLimitIsNear();
            }),
            0);
}

TEST(MemoryLimitTest, OutOfMemoryNamesTheLimit) {
  EXPECT_EQ(ExitCodeOf([] {
              const rlimit limit{rlim_t{5} << 30, RLIM_INFINITY};
              return setrlimit(RLIMIT_AS, &limit) == 0 &&
                     OutOfMemoryMessage(3 << 20) ==
                         "out of memory: needed 3 MiB (ulimit -v allows 5120 MiB)" &&
                     OutOfMemoryMessage(0) == "out of memory (ulimit -v allows 5120 MiB)";
            }),
            0);
}

TEST(LoadFromTest, NamesWhatWasLoadedWhenMemoryRanOut) {
  const auto load = [](auto thrown) {
    return LoadFrom("/m/unet", [&]() -> absl::Status { throw thrown; });
  };
  EXPECT_EQ(load(std::bad_alloc()).message(), "/m/unet: out of memory");
  EXPECT_EQ(
      load(std::runtime_error("[enforce fail] DefaultCPUAllocator: can't allocate memory: you "
                              "tried to allocate 3145728 bytes. Error code 12"))
          .message(),
      "/m/unet: out of memory: needed 3 MiB");
  EXPECT_THROW(load(std::runtime_error("another")).IgnoreError(), std::runtime_error);
  EXPECT_TRUE(LoadFrom("/m/unet", [] { return absl::OkStatus(); }).ok());
}

}  // namespace
}  // namespace draftp
