// Tests of folders that appear whole or not at all.
#include "draftp/io/atomic_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

void Write(const AtomicFolder& folder, const std::string& text) {
  std::ofstream(folder.path() + "/file.json") << text;
}

TEST(AtomicFolder, AppearsWithItsFilesOrNotAtAll) {
  const TemporaryFolder parent;
  {
    auto folder = AtomicFolder::Create(parent / "a");
    ASSERT_TRUE(folder.ok());
    Write(*folder, "1");
    EXPECT_FALSE(std::filesystem::exists(parent / "a"));
  }
  EXPECT_THAT(parent.Names(), IsEmpty());
  auto folder = AtomicFolder::Create(parent / "a");
  Write(*folder, "2");
  ASSERT_TRUE(folder->Commit().ok());
  EXPECT_THAT(parent.Names(), ElementsAre("a"));
  EXPECT_EQ(Contents(parent / "a/file.json"), "2");
}

TEST(AtomicFolder, ReplacesAnOlderOne) {
  const TemporaryFolder parent;
  for (const char* text : {"old", "new"}) {
    auto folder = AtomicFolder::Create(parent / "a");
    Write(*folder, text);
    ASSERT_TRUE(folder->Commit().ok());
  }
  EXPECT_THAT(parent.Names(), ElementsAre("a"));
  EXPECT_EQ(Contents(parent / "a/file.json"), "new");
}

TEST(AtomicFolder, LeavesAFolderOfAnotherThatHasTheOldNames) {
  const TemporaryFolder parent;
  std::filesystem::create_directory(parent / ".a.old");
  parent.Write(".a.old/notes.txt", "mine");
  auto folder = AtomicFolder::Create(parent / "a");
  Write(*folder, "new");
  ASSERT_TRUE(folder->Commit().ok());
  EXPECT_EQ(Contents(parent / "a/file.json"), "new");
  EXPECT_EQ(Contents(parent / ".a.old/notes.txt"), "mine");
}

TEST(AtomicFolder, SweepsWhatKilledProcessesLeft) {
  const TemporaryFolder parent;
  for (const char* name :
       {".step_00000001.tmp", ".step_00000002.old/unet", ".step_123456789.old", "a", ".hidden"})
    std::filesystem::create_directories(parent / name);
  for (const char* name :
       {".step_00000001.tmp/optimizer.safetensors", ".step_00000002.old/unet/config.json",
        ".step_00000002.old/unet/.w.safetensors.draftp-tmp.12.3"})
    parent.Write(name, "x");
  RemoveLeftFolders(parent.path(), "step_");
  EXPECT_THAT(parent.Names(), ElementsAre(".hidden", "a"));
}

TEST(AtomicFolder, SweepsNothingThatIsntItsOwn) {
  const TemporaryFolder parent, elsewhere;
  elsewhere.Write("trainer.json", "x");
  std::vector<std::string> kept = {".a.tmp",
                                   ".git.old",
                                   ".step_1.tmp",
                                   ".step_.old",
                                   ".step_00000001tmp",
                                   ".step_0000000x.tmp",
                                   "step_00000001.tmp",
                                   ".step_00000003.old"};
  for (const std::string& name : kept) {
    std::filesystem::create_directory(parent / name);
    parent.Write(name + "/trainer.json", "x");
  }
  parent.Write(".step_00000003.old/thesis.txt", "not a checkpoint's");
  std::filesystem::create_directory_symlink(elsewhere.path(), parent / ".step_00000004.tmp");
  parent.Write(".step_00000005.tmp", "a file");
  std::filesystem::create_directory(parent / ".step_00000006.tmp");
  std::filesystem::create_symlink(elsewhere / "trainer.json",
                                  parent / ".step_00000006.tmp/trainer.json");
  kept.insert(kept.end(), {".step_00000004.tmp", ".step_00000005.tmp", ".step_00000006.tmp"});
  RemoveLeftFolders(parent.path(), "step_");
  EXPECT_THAT(parent.Names(), ::testing::UnorderedElementsAreArray(kept));
  EXPECT_TRUE(std::filesystem::exists(parent / ".step_00000003.old/trainer.json"));
  EXPECT_EQ(Contents(elsewhere / "trainer.json"), "x");
}

TEST(AtomicFolder, WhatStandsAtItsTemporaryNameStays) {
  const TemporaryFolder parent;
  std::filesystem::create_directory(parent / ".a.tmp");
  parent.Write(".a.tmp/thesis.txt", "x");
  EXPECT_THAT(AtomicFolder::Create(parent / "a").status(),
              testing::FailsWith("its temporary name is taken"));
  EXPECT_EQ(Contents(parent / ".a.tmp/thesis.txt"), "x");
}

// In a process of its own, since nothing can be committed afterwards.
TEST(AtomicFolderDeathTest, RemoveFoldersInFlightLeavesOnlyWholeOnes) {
  const TemporaryFolder parent;
  const auto stop = [&parent] {
    auto done = AtomicFolder::Create(parent / "done"), half = AtomicFolder::Create(parent / "half");
    Write(*done, "x");
    Write(*half, "x");
    if (!done->Commit().ok()) _exit(1);
    RemoveFoldersInFlight();
    _exit(half->Commit().ok() ? 2 : 130);
  };
  EXPECT_EXIT(stop(), ::testing::ExitedWithCode(130), "");
  EXPECT_THAT(parent.Names(), ElementsAre("done"));
}

TEST(AtomicFolder, NamesTheFolderThatCantBeMade) {
  const TemporaryFolder parent;
  EXPECT_THAT(AtomicFolder::Create(parent / "gone/a").status(),
              testing::FailsWith("gone/a: can't make the folder"));
}

}  // namespace
}  // namespace draftp
