// A folder for the runs of real programs, and what they say at their end, for tests of records.
#ifndef DRAFTP_TOOLS_RECORD_FIXTURE_H_
#define DRAFTP_TOOLS_RECORD_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "draftp/io/test_files.h"
#include "tools/program.h"
#include "tools/small_run.h"

namespace draftp::testing {

struct Ended {
  int code;
  std::string error;
};

inline nlohmann::json Json(const std::string& path) {
  return nlohmann::json::parse(Contents(path), nullptr, /*allow_exceptions=*/false);
}

inline std::string TinyModel() { return std::filesystem::absolute("testdata/tiny_sdxl"); }

class RecordTest : public ::testing::Test {
 protected:
  RecordTest() {
    // As under `bazel run`: relative paths and default folders start here.
    setenv("BUILD_WORKING_DIRECTORY", folder_.path().c_str(), 1);
    setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
    std::filesystem::create_directory(folder_ / "reward");
    folder_.Write("reward/draftp_reward.json",
                  R"({"kind": "target_colour", "colour": [255, 0, 0]})");
    folder_.Write("captions.txt", "a red circle\na blue star\n");
  }
  Ended Run(Words command) const {
    Program program(printed_, std::move(command));
    const int code = program.Wait();
    return {code, program.error()};
  }
  Words TrainCommand(const Words& more) const {
    const Words base = {"--save_interval=1", "--max_steps=2", "--reward=" + (folder_ / "reward"),
                        "--prompts=" + (folder_ / "captions.txt")};
    Words command = SmallTraining("", Replacing(base, more));
    std::erase(command, "--output_dir=");  // the default folder, where `more` names none
    command.insert(command.begin(), "tools/train");
    return command;
  }
  Ended Train(const Words& more) const { return Run(TrainCommand(more)); }
  Ended Anneal(const Words& more) const {
    return Run(Replacing({"tools/anneal", "--steps=1", "--height=64", "--width=64", "--device=cpu",
                          "--weight_type=base", "--prompt=a red circle"},
                         more));
  }
  std::string Out(const std::string& name) const { return folder_ / ("out/" + name); }
  std::string OutFlag() const { return "--output_dir=" + (folder_ / "out"); }

  TemporaryFolder folder_, printed_;
};

}  // namespace draftp::testing

#endif  // DRAFTP_TOOLS_RECORD_FIXTURE_H_
