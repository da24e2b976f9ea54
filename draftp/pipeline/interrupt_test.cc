#include "draftp/pipeline/interrupt.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

namespace draftp {
namespace {

// Exit code of a child that runs `body`; 128 + signal, as a shell has it, when a signal ended it.
int ExitCodeOf(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

[[noreturn]] void BusyForever() {
  for (;;) std::this_thread::yield();
}

TEST(InterruptWatcherTest, EndsABusyProcessWith130OnSigint) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(ExitCodeOf([] {
              const InterruptWatcher watcher([](int) {});
              kill(getpid(), SIGINT);
              BusyForever();
            }),
            130);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST(InterruptWatcherTest, EndsWith143OnSigtermAfterTidyingUp) {
  const std::string path = ::testing::TempDir() + "/interrupt_watcher_half_file";
  std::ofstream(path) << "half";
  EXPECT_EQ(ExitCodeOf([&] {
              const InterruptWatcher watcher([&](int signal) {
                if (signal == SIGTERM) std::filesystem::remove(path);
              });
              kill(getpid(), SIGTERM);
              BusyForever();
            }),
            143);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(InterruptWatcherTest, LeavesSignalsAsTheyWereAfterwards) {
  EXPECT_EQ(ExitCodeOf([] {
              {
                const InterruptWatcher watcher([](int) {});
              }
              kill(getpid(), SIGTERM);
              std::this_thread::sleep_for(std::chrono::seconds(5));
            }),
            143);
}

}  // namespace
}  // namespace draftp
