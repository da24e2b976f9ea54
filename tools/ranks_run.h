// Programs as several processes, for tests: how they are started, stopped and found.
#ifndef DRAFTP_TOOLS_RANKS_RUN_H_
#define DRAFTP_TOOLS_RANKS_RUN_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "draftp/io/test_files.h"
#include "tools/shell_run.h"
#include "tools/small_run.h"

namespace draftp::testing {

// All of a file of /proc, which has no size.
inline std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Sends a signal to the launcher's process of rank `rank`, once it is there.
inline void Signal(pid_t launcher, int rank, int signal) {
  const std::string parent = "PPid:\t" + std::to_string(launcher) + "\n";
  const std::string variable = std::string(1, '\0') + "RANK=" + std::to_string(rank) + '\0';
  ASSERT_GT(launcher, 1);
  for (int waits = 0; waits < 3000; ++waits) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string folder = entry.path().string();
      if (Read(folder + "/status").find(parent) == std::string::npos) continue;
      if ((std::string(1, '\0') + Read(folder + "/environ")).find(variable) == std::string::npos)
        continue;
      const pid_t process = std::stoi(entry.path().filename().string());
      ASSERT_GT(process, 1);
      ASSERT_EQ(kill(process, signal), 0);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL() << "rank " << rank << " isn't there";
}

// Ranks as a launcher starts them, each with flags of its own; their codes and words.
inline std::vector<Ended> ByHand(const std::string& program, const std::vector<Words>& ranks,
                                 const std::string& before = "") {
  const int port = 20'000 + getpid() % 10'000;
  std::vector<std::unique_ptr<TemporaryFolder>> folders;
  std::vector<std::unique_ptr<Program>> programs;
  for (size_t r = 0; r < ranks.size(); ++r) {
    const std::string environment =
        "export MASTER_ADDR=127.0.0.1 MASTER_PORT=" + std::to_string(port) +
        " RANK=" + std::to_string(r) + " LOCAL_RANK=" + std::to_string(r) +
        " WORLD_SIZE=" + std::to_string(ranks.size()) +
        " LOCAL_WORLD_SIZE=" + std::to_string(ranks.size()) + "; ";
    folders.push_back(std::make_unique<TemporaryFolder>());
    programs.push_back(std::make_unique<Program>(
        *folders.back(),
        Shell(environment + (r == 1 ? before : "") + " exec \"$0\" \"$@\"", program, ranks[r])));
  }
  std::vector<Ended> ended;
  for (auto& started : programs) {
    const int code = started->Wait();
    ended.push_back({code, started->out(), started->error()});
  }
  return ended;
}

// The flags of a small annealing run of `ranks` processes; `more` replaces them.
inline Words Drawing(const std::string& out, int ranks, const Words& more = {}) {
  return Replacing(
      {"--output_dir=" + out, "--nproc=" + std::to_string(ranks), "--height=64", "--width=64",
       "--steps=2", "--device=cpu", "--weight_type=step_0.6", "--max_prompts=5", "--batch_size=2"},
      more);
}

}  // namespace draftp::testing

#endif  // DRAFTP_TOOLS_RANKS_RUN_H_
