#include "draftp/kernels/cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

namespace draftp::cpu {
namespace {

// Before the first call, for all tests of this program: more threads than most machines of CI have
// processors.
[[maybe_unused]] const int kSet = setenv("OMP_NUM_THREADS", "3", /*overwrite=*/1);

TEST(ThreadPoolTest, TakesItsNumberFromTheEnvironment) { EXPECT_EQ(Threads(), 3); }

TEST(ThreadPoolTest, CoversEveryItemOnce) {
  for (const int64_t count : {0, 1, 7, 1000}) {
    for (const int64_t grain : {1, 3, 5000}) {
      std::vector<std::atomic<int>> visits(count);
      ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
        EXPECT_LE(end - begin, grain);
        for (int64_t i = begin; i < end; ++i) ++visits[i];
      });
      for (const auto& visit : visits) EXPECT_EQ(visit, 1);
    }
  }
}

// Thousands of short calls one after the other: a thread that comes late to one must not take part
// in the next by mistake.
TEST(ThreadPoolTest, CallsInQuickSuccessionDontMix) {
  for (int64_t call = 0; call < 20000; ++call) {
    std::atomic<int64_t> sum{0};
    ParallelFor(5, 1, [&, call](int64_t begin, int64_t) { sum += call + begin; });
    ASSERT_EQ(sum, 5 * call + 10);
  }
}

TEST(ThreadPoolTest, ANestedCallRunsOnItsCaller) {
  EXPECT_EQ(ThreadsFromHere(), 3);
  std::atomic<int> inner{0};
  ParallelFor(8, 1, [&](int64_t, int64_t) {
    const std::thread::id caller = std::this_thread::get_id();
    ParallelFor(4, 1, [&](int64_t, int64_t) { inner += caller == std::this_thread::get_id(); });
  });
  EXPECT_EQ(inner, 32);
  EXPECT_EQ(ThreadsFromHere(), 3);
}

TEST(ThreadPoolTest, CallersOnSeveralThreadsAllGetTheirWorkDone) {
  std::atomic<int64_t> done{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int call = 0; call < 500; ++call)
        ParallelFor(10, 2, [&](int64_t begin, int64_t end) { done += end - begin; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 4 * 500 * 10);
}

TEST(ThreadPoolTest, ThrowsWhatARangeThrewAndServesTheNextCall) {
  EXPECT_THROW(ParallelFor(6, 1,
                           [](int64_t begin, int64_t) {
                             if (begin == 2) throw std::runtime_error("two");
                           }),
               std::runtime_error);
  EXPECT_EQ(ThreadsFromHere(), 3);
  std::atomic<int> done{0};
  ParallelFor(6, 1, [&](int64_t, int64_t) { ++done; });
  EXPECT_EQ(done, 6);
}

}  // namespace
}  // namespace draftp::cpu
