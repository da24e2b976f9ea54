#include "draftp/run/exit_code.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

namespace draftp {
namespace {

class RunReportingTest : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::internal::CaptureStderr(); }
  static std::string Printed() { return ::testing::internal::GetCapturedStderr(); }
};

TEST_F(RunReportingTest, SuccessIsZeroAndSilent) {
  EXPECT_EQ(RunReporting("tool", [] { return absl::OkStatus(); }), 0);
  EXPECT_EQ(Printed(), "");
}

TEST_F(RunReportingTest, UsageIsTwoAndFailureOneWithOneLine) {
  EXPECT_EQ(RunReporting("tool", [] { return absl::InvalidArgumentError("--steps: found 0"); }), 2);
  EXPECT_EQ(RunReporting("tool", [] { return absl::NotFoundError("a.txt: absent"); }), 1);
  EXPECT_EQ(Printed(), "tool: --steps: found 0\ntool: a.txt: absent\n");
}

TEST(AsFailureTest, ADamagedFileIsNoUsageError) {
  const absl::Status status = AsFailure(absl::InvalidArgumentError("w.safetensors: cut"));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "w.safetensors: cut");
  EXPECT_TRUE(AsFailure(absl::OkStatus()).ok());
  EXPECT_EQ(AsFailure(absl::NotFoundError("x")).code(), absl::StatusCode::kNotFound);
}

TEST_F(RunReportingTest, ExceptionsEndInOneLineWithoutATrace) {
  EXPECT_EQ(RunReporting("tool", []() -> absl::Status { TORCH_CHECK(false, "sizes differ"); }), 1);
  EXPECT_EQ(RunReporting("tool", []() -> absl::Status { throw std::bad_alloc(); }), 1);
  EXPECT_EQ(
      RunReporting("tool", []() -> absl::Status { throw std::runtime_error("first\nsecond"); }), 1);
  EXPECT_EQ(Printed(), "tool: sizes differ\ntool: out of memory\ntool: first\n");
}

TEST_F(RunReportingTest, LibrariesWordsForLimitsAreOurs) {
  const auto run = [](auto thrown) {
    return RunReporting("tool", [&]() -> absl::Status { throw thrown; });
  };
  EXPECT_EQ(run(std::runtime_error("[enforce fail at alloc_cpu.cpp:127] err == 0. "
                                   "DefaultCPUAllocator: can't allocate memory: you tried to "
                                   "allocate 1638400000 bytes. Error code 12 (Cannot allocate)")),
            1);
  EXPECT_EQ(run(std::system_error(EAGAIN, std::generic_category())), 1);
  EXPECT_EQ(run(std::system_error(EMFILE, std::generic_category(), "can't watch")), 1);
  EXPECT_EQ(Printed(),
            "tool: out of memory: needed 1562 MiB\n"
            "tool: can't start a thread: a limit of processes (ulimit -u, or a container's) or of "
            "memory is reached\n"
            "tool: can't watch: Too many open files (ulimit -n)\n");
}

TEST_F(RunReportingTest, ControlCharactersOfAMessageAreShownNotSent) {
  EXPECT_EQ(RunReporting("tool", [] { return absl::NotFoundError("a\x1b[2Jb"); }), 1);
  EXPECT_EQ(Printed(), "tool: a\\x1b[2Jb\n");
}

}  // namespace
}  // namespace draftp
