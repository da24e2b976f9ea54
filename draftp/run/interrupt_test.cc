#include "draftp/run/interrupt.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "draftp/io/atomic_file.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

const InterruptHandlers kNothing = {.on_signal = [](int) { return false; },
                                    .on_lost_file = [](const std::string&) {},
                                    .tidy = [] {}};

// Exit code of a child that runs `body`; 128 + signal, as a shell has it, when a signal ended it.
int ExitCodeOfChild(const std::function<void()>& body) {
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
  EXPECT_EQ(ExitCodeOfChild([] {
              const InterruptWatcher watcher(kNothing);
              kill(getpid(), SIGINT);
              BusyForever();
            }),
            130);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST(InterruptWatcherTest, EndsWith143OnSigtermAfterTidyingUp) {
  const std::string path = ::testing::TempDir() + "/interrupt_watcher_half_file";
  std::ofstream(path) << "half";
  EXPECT_EQ(ExitCodeOfChild([&] {
              InterruptHandlers handlers = kNothing;
              handlers.tidy = [&] { std::filesystem::remove(path); };
              const InterruptWatcher watcher(handlers);
              kill(getpid(), SIGTERM);
              BusyForever();
            }),
            143);
  EXPECT_FALSE(std::filesystem::exists(path));
}

// A file of two pages, mapped as weights are and then cut to nothing by "someone else".
class CutFile {
 public:
  CutFile() : path_(folder_.Write("weights", std::string(kSize, 'w'))) {
    const int descriptor = open(path_.c_str(), O_RDWR | O_CLOEXEC);
    bytes_ = static_cast<char*>(
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0));
    close(descriptor);
  }
  ~CutFile() { munmap(bytes_, kSize); }
  CutFile(const CutFile&) = delete;
  CutFile& operator=(const CutFile&) = delete;
  void Cut() const { std::filesystem::resize_file(path_, 0); }
  const char* second_page() const { return bytes_ + kSize / 2 + 7; }
  const testing::TemporaryFolder& folder() const { return folder_; }

 private:
  static constexpr size_t kSize = 8192;
  testing::TemporaryFolder folder_;
  std::string path_;
  char* bytes_;
};

TEST(InterruptWatcherTest, ACutFileUnderAReaderEndsWith1AndItsNameAfterTidyingUp) {
  const CutFile file;
  const auto read_it = [&] {
    InterruptHandlers handlers = kNothing;
    handlers.tidy = RemoveFilesInFlight;
    handlers.on_lost_file = [](const std::string& lost) {
      std::cerr << "lost " << lost << std::endl;
    };
    const InterruptWatcher watcher(handlers);
    const auto half = AtomicFile::Create(file.folder() / "half");
    file.Cut();
    const volatile char byte = *static_cast<const volatile char*>(file.second_page());
    _exit(byte + 2);
  };
  EXPECT_EXIT(read_it(), ::testing::ExitedWithCode(1), "lost .*/weights");
  EXPECT_THAT(file.folder().Names(), ::testing::ElementsAre("weights"));
}

TEST(InterruptWatcherTest, ManyThreadsMayLoseTheSameFile) {
  const CutFile file;
  EXPECT_EQ(ExitCodeOfChild([&] {
              const InterruptWatcher watcher(kNothing);
              file.Cut();
              std::vector<std::jthread> readers;
              for (int i = 0; i < 8; ++i) {
                readers.emplace_back([&] {
                  const volatile char byte = *static_cast<const volatile char*>(file.second_page());
                  _exit(byte + 2);
                });
              }
            }),
            1);
}

TEST(FileMappedAtTest, IsEmptyForMemoryOfNoFile) {
  const int local = 0;
  EXPECT_EQ(FileMappedAt(&local), "");
  EXPECT_EQ(FileMappedAt(nullptr), "");
}

constexpr int kStopping[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGXCPU};

TEST(InterruptWatcherTest, EverySignalThatStopsHasItsCode) {
  for (const int signal : kStopping) {
    EXPECT_EQ(ExitCodeOfChild([&] {
                const InterruptWatcher watcher(kNothing);
                kill(getpid(), signal);
                BusyForever();
              }),
              128 + signal);
  }
}

TEST(InterruptWatcherTest, WorkThatSavesEndsByItselfWithTheSignalsCode) {
  for (const int signal : kStopping) {
    EXPECT_EQ(ExitCodeOfChild([&] {
                std::atomic<int> asked = 0;
                InterruptHandlers handlers = kNothing;
                handlers.on_signal = [&](int number) {
                  asked = number;
                  return true;
                };
                const InterruptWatcher watcher(handlers);
                if (watcher.ExitCode(0) != 0 || watcher.ExitCode(2) != 2) _exit(99);
                kill(getpid(), signal);
                while (asked != signal) std::this_thread::yield();
                if (watcher.ExitCode(1) != 1) _exit(98);  // it couldn't save
                _exit(watcher.ExitCode(0));
              }),
              128 + signal);
  }
}

TEST(InterruptWatcherTest, ASecondSignalEndsWorkThatSavesAtOnce) {
  const testing::TemporaryFolder folder;
  const auto after = [&](int first, int second) {
    return ExitCodeOfChild([&] {
      InterruptHandlers handlers = kNothing;
      handlers.on_signal = [&](int) {
        if (second != 0) kill(getpid(), second);
        return true;
      };
      handlers.tidy = RemoveFilesInFlight;
      const InterruptWatcher watcher(handlers);
      const auto half = AtomicFile::Create(folder / "half");
      kill(getpid(), first);
      std::this_thread::sleep_for(std::chrono::milliseconds(second == SIGUSR1 ? 300 : 60'000));
      _exit(77);
    });
  };
  EXPECT_EQ(after(SIGTERM, SIGTERM), 143);
  EXPECT_EQ(after(SIGTERM, SIGINT), 130);
  EXPECT_EQ(after(SIGUSR1, SIGTERM), 143);
  EXPECT_THAT(folder.Names(), ::testing::IsEmpty());
  EXPECT_EQ(after(SIGTERM, SIGUSR1), 77) << "the save goes on";
}

// As under nohup, or of a background job of a shell without job control.
TEST(InterruptWatcherTest, WhatWasIgnoredStaysIgnored) {
  for (const int signal : {SIGINT, SIGHUP, SIGUSR1, SIGPIPE}) {
    EXPECT_EQ(ExitCodeOfChild([&] {
                std::signal(signal, SIG_IGN);
                {
                  const InterruptWatcher watcher(kNothing);
                  kill(getpid(), signal);
                  std::this_thread::sleep_for(std::chrono::milliseconds(100));
                }
                kill(getpid(), signal);
                _exit(7);
              }),
              7)
        << signal;
  }
}

TEST(InterruptWatcherTest, AReaderThatGoesAwayStopsToo) {
  const auto write_on = [](bool saves) {
    int ends[2];
    if (pipe(ends) != 0) _exit(99);
    close(ends[0]);
    InterruptHandlers handlers = kNothing;
    handlers.on_signal = [&](int signal) { return saves && signal == SIGPIPE; };
    const InterruptWatcher watcher(handlers);
    if (write(ends[1], "x", 1) != -1 || errno != EPIPE) _exit(98);
    if (!saves) BusyForever();
    if (write(ends[1], "x", 1) != -1) _exit(97);  // and no further signal
    _exit(watcher.ExitCode(0));
  };
  EXPECT_EQ(ExitCodeOfChild([&] { write_on(false); }), 141);
  EXPECT_EQ(ExitCodeOfChild([&] { write_on(true); }), 141);
}

TEST(InterruptWatcherTest, LeavesSignalsAsTheyWereAfterwards) {
  EXPECT_EQ(ExitCodeOfChild([] {
              {
                const InterruptWatcher watcher(kNothing);
              }
              kill(getpid(), SIGTERM);
              std::this_thread::sleep_for(std::chrono::seconds(5));
            }),
            143);
}

}  // namespace
}  // namespace draftp
