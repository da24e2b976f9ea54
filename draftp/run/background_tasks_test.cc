#include "draftp/run/background_tasks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <stdexcept>
#include <vector>

namespace draftp {
namespace {

TEST(BackgroundTasksTest, AllHaveRunOnceTheyAreFinished) {
  BackgroundTasks tasks(3);
  std::vector<int> runs(200, 0);  // each task writes its own
  for (int round = 1; round <= 2; ++round) {
    for (int& run : runs) {
      ASSERT_TRUE(tasks
                      .Add([&run] {
                        ++run;
                        return absl::OkStatus();
                      })
                      .ok());
    }
    ASSERT_TRUE(tasks.Finish().ok());
    EXPECT_EQ(std::ranges::count(runs, round), 200);
  }
}

TEST(BackgroundTasksTest, AFewWaitAtMost) {
  BackgroundTasks tasks(2);
  std::atomic<int> begun = 0;
  for (int added = 1; added <= 100; ++added) {
    ASSERT_TRUE(tasks
                    .Add([&begun] {
                      ++begun;
                      return absl::OkStatus();
                    })
                    .ok());
    EXPECT_LE(added - begun, 2 * 2 + 2);  // two run that may not have counted yet
  }
  EXPECT_TRUE(tasks.Finish().ok());
}

TEST(BackgroundTasksTest, TheCallerGoesOnMeanwhile) {
  BackgroundTasks tasks(1);
  std::latch caller_went_on(1);
  ASSERT_TRUE(tasks
                  .Add([&caller_went_on] {
                    caller_went_on.wait();
                    return absl::OkStatus();
                  })
                  .ok());
  caller_went_on.count_down();
  EXPECT_TRUE(tasks.Finish().ok());
}

TEST(BackgroundTasksTest, NothingIsBegunAfterAnError) {
  BackgroundTasks tasks(1);
  std::latch all_came(1);
  int after = 0;
  ASSERT_TRUE(tasks
                  .Add([&all_came] {
                    all_came.wait();
                    return absl::ResourceExhaustedError("disk full");
                  })
                  .ok());
  const auto count = [&after] {
    ++after;
    return absl::OkStatus();
  };
  ASSERT_TRUE(tasks.Add(count).ok());
  all_came.count_down();
  EXPECT_EQ(tasks.Finish(), absl::ResourceExhaustedError("disk full"));
  EXPECT_EQ(tasks.Add(count), absl::ResourceExhaustedError("disk full"));
  EXPECT_EQ(tasks.Finish(), absl::ResourceExhaustedError("disk full"));
  EXPECT_EQ(after, 0);
}

TEST(BackgroundTasksTest, WhatATaskThrowsIsThrownToTheCaller) {
  BackgroundTasks tasks(2);
  ASSERT_TRUE(tasks.Add([]() -> absl::Status { throw std::runtime_error("out of threads"); }).ok());
  EXPECT_THROW(tasks.Finish().IgnoreError(), std::runtime_error);
  EXPECT_THROW(tasks.Add([] { return absl::OkStatus(); }).IgnoreError(), std::runtime_error);
}

TEST(BackgroundTasksTest, TheDestructorRunsWhatWaits) {
  std::atomic<int> runs = 0;
  std::latch all_came(1);
  {
    BackgroundTasks tasks(1);
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(tasks
                      .Add([&] {
                        all_came.wait();
                        ++runs;
                        return absl::OkStatus();
                      })
                      .ok());
    }
    all_came.count_down();
  }
  EXPECT_EQ(runs, 3);
}

}  // namespace
}  // namespace draftp
