// As small trainings as there are, and what can be seen of one from outside, for tests.
#ifndef DRAFTP_TOOLS_SMALL_RUN_H_
#define DRAFTP_TOOLS_SMALL_RUN_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "draftp/io/test_files.h"

namespace draftp::testing {

using Words = std::vector<std::string>;

// `base` and `more`, whose flags (--name=value) replace those of `base`.
inline Words Replacing(const Words& base, const Words& more) {
  const auto flag = [](const std::string& word) { return word.substr(0, word.find('=')); };
  Words words;
  for (const std::string& word : base) {
    const bool replaced = std::ranges::any_of(
        more, [&](const std::string& other) { return flag(other) == flag(word); });
    if (!replaced) words.push_back(word);
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The flags of one step of one 64x64 image of one denoising step into `out`, without validations;
// `more` has other flags, and replaces these.
inline Words SmallTraining(const std::string& out, const Words& more = {}) {
  return Replacing(
      {"--output_dir=" + out, "--height=64", "--width=64", "--steps=1", "--truncation_steps=1",
       "--lora_rank=1", "--micro_batch_size=1", "--global_batch_size=1", "--val_check_interval=0",
       "--device=cpu", "--max_steps=1"},
      more);
}

inline size_t CountLines(const std::string& path) {
  const std::string text = Contents(path);
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Waits until log.jsonl has so many lines; a minute is long enough for any machine.
inline void AwaitSteps(const std::string& out, size_t steps) {
  for (int waits = 0; waits < 6000 && CountLines(out + "/log.jsonl") < steps; ++waits)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GE(CountLines(out + "/log.jsonl"), steps);
}

inline int64_t CountCheckpoints(const std::string& out) {
  std::error_code error;
  int64_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(out + "/checkpoints", error))
    count += entry.path().filename().string().starts_with("step_");
  return count;
}

}  // namespace draftp::testing

#endif  // DRAFTP_TOOLS_SMALL_RUN_H_
