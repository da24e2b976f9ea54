// Tests of which checkpoints are found and which stay.
#include "draftp/train/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::TemporaryFolder;

std::vector<int64_t> CheckpointSteps(const std::string& dir) {
  std::vector<int64_t> steps;
  for (const CheckpointFolder& folder : ListCheckpoints(dir)) steps.push_back(folder.step);
  return steps;
}

TEST(ListCheckpoints, FindsWholeFoldersByStep) {
  const TemporaryFolder folder;
  for (const char* name : {"step_00000100", "step_00000020", ".step_00000200.tmp", "other"})
    std::filesystem::create_directories(folder / ("checkpoints/" + std::string(name)));
  EXPECT_THAT(CheckpointSteps(folder.path()), ElementsAre(20, 100));
  EXPECT_TRUE(CheckpointSteps(folder / "gone").empty());
}

TEST(RemoveOldCheckpoints, KeepsTheNewestAndTheBest) {
  const TemporaryFolder folder;
  for (int step = 1; step <= 4; ++step) {
    const std::string name = "checkpoints/step_0000000" + std::to_string(step);
    std::filesystem::create_directories(folder / name);
    folder.Write(name + "/trainer.json", "{}");
  }
  ASSERT_TRUE(RemoveOldCheckpoints(folder.path(), 2, 1).ok());
  EXPECT_THAT(CheckpointSteps(folder.path()), ElementsAre(1, 3, 4));
}

TEST(RemoveOldCheckpoints, RemovesNothingThatIsntItsOwn) {
  const TemporaryFolder folder;
  for (const char* name : {"elsewhere", "checkpoints/step_1", "checkpoints/step_00000004"}) {
    std::filesystem::create_directories(folder / name);
    folder.Write(std::string(name) + "/trainer.json", "{}");
  }
  std::filesystem::create_directories(folder / "checkpoints/step_00000002");
  folder.Write("checkpoints/step_00000002/thesis.txt", "no checkpoint");
  std::filesystem::create_directory_symlink(folder / "elsewhere",
                                            folder / "checkpoints/step_00000003");
  std::filesystem::create_directories(folder / "checkpoints/step_00000005");
  folder.Write("checkpoints/step_00000005/trainer.json", "{}");
  folder.Write("checkpoints/step_00000005/notes.txt", "beside a checkpoint");
  std::filesystem::create_directories(folder / "checkpoints/step_00000006");
  folder.Write("checkpoints/step_00000006/trainer.json", "{}");
  ASSERT_TRUE(RemoveOldCheckpoints(folder.path(), 1, 0).ok());
  EXPECT_THAT(CheckpointSteps(folder.path()), ElementsAre(1, 2, 3, 5, 6));
}

}  // namespace
}  // namespace draftp
