// Files appear whole or not at all: commits, faults, signals.
#include "draftp/io/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::ScopedWriteFault;
using testing::TemporaryFolder;

TEST(AtomicFileTest, IsInvisibleUntilItIsCommitted) {
  const TemporaryFolder folder;
  AtomicFile file = *AtomicFile::Create(folder / "a");
  ASSERT_TRUE(file.Write("one").ok());
  ASSERT_TRUE(file.Write("two").ok());
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  ASSERT_TRUE(file.Commit().ok());
  EXPECT_EQ(Contents(folder / "a"), "onetwo");
  EXPECT_THAT(folder.Names(), ElementsAre("a"));
}

TEST(AtomicFileTest, UsesAHiddenNameBesideTheTarget) {
  const TemporaryFolder folder;
  const AtomicFile file = *AtomicFile::Create(folder / "img.png");
  ASSERT_EQ(folder.Names().size(), 1U);
  EXPECT_THAT(folder.Names()[0],
              ::testing::StartsWith(".img.png.draftp-tmp." + std::to_string(getpid()) + "."));
}

TEST(AtomicFileTest, RemovesWhatWasNotCommitted) {
  const TemporaryFolder folder;
  {
    AtomicFile file = *AtomicFile::Create(folder / "a");
    ASSERT_TRUE(file.Write("one").ok());
    const AtomicFile moved = std::move(file);
    EXPECT_EQ(folder.Names().size(), 1U);
  }
  EXPECT_THAT(folder.Names(), IsEmpty());
}

TEST(AtomicFileTest, AssignmentDropsTheOldFile) {
  const TemporaryFolder folder;
  AtomicFile file = *AtomicFile::Create(folder / "a");
  file = *AtomicFile::Create(folder / "b");
  ASSERT_TRUE(file.Commit().ok());
  EXPECT_THAT(folder.Names(), ElementsAre("b"));
}

TEST(AtomicFileTest, ReplacesAnExistingFile) {
  const TemporaryFolder folder;
  folder.Write("a", "old and longer");
  ASSERT_TRUE(WriteFileAtomically(folder / "a", "new").ok());
  EXPECT_EQ(Contents(folder / "a"), "new");
}

TEST(AtomicFileTest, AFullDiskKeepsTheOldFileAndLeavesNothing) {
  const TemporaryFolder folder;
  folder.Write("a", "old");
  const ScopedWriteFault fault(ENOSPC, 5);
  EXPECT_THAT(WriteFileAtomically(folder / "a", "0123456789"),
              FailsWith("/a: can't write: No space left on device"));
  EXPECT_EQ(Contents(folder / "a"), "old");
  EXPECT_THAT(folder.Names(), ElementsAre("a"));
}

TEST(AtomicFileTest, CannotBeCommittedAfterAnError) {
  const TemporaryFolder folder;
  AtomicFile file = *AtomicFile::Create(folder / "a");
  {
    const ScopedWriteFault fault(EIO, 0);
    EXPECT_THAT(file.Write("x"), FailsWith("Input/output error"));
  }
  EXPECT_FALSE(file.Write("x").ok());
  EXPECT_FALSE(file.Commit().ok());
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

TEST(AtomicFileTest, IsCommittedOnlyOnce) {
  const TemporaryFolder folder;
  AtomicFile file = *AtomicFile::Create(folder / "a");
  ASSERT_TRUE(file.Commit().ok());
  EXPECT_THAT(file.Commit(), FailsWith("committed twice"));
  EXPECT_THAT(file.Write("x"), FailsWith("written after Commit()"));
}

TEST(AtomicFileTest, NamesAnAbsentFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT(AtomicFile::Create(folder / "no/a"),
              FailsWith("/no/a: can't create: No such file or directory"));
}

TEST(AtomicFileTest, DoesNotReplaceAFolder) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "a");
  EXPECT_THAT(WriteFileAtomically(folder / "a", "x"), FailsWith("/a: can't write: Is a directory"));
  EXPECT_THAT(folder.Names(), ElementsAre("a"));
}

TEST(AtomicFileTest, SaysSoWhenTheFolderVanished) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "sub");
  AtomicFile file = *AtomicFile::Create(folder / "sub/a");
  std::filesystem::remove_all(folder / "sub");
  EXPECT_THAT(file.Commit(), FailsWith("sub/a: can't write: No such file or directory"));
}

TEST(AtomicFileTest, TakesTheLongestNames) {
  const TemporaryFolder folder;
  const std::string name(255, 'n');
  EXPECT_TRUE(WriteFileAtomically(folder / name, "x").ok());
  EXPECT_THAT(folder.Names(), ElementsAre(name));
}

TEST(AtomicFileTest, TwoWritersOfOneTargetDoNotMix) {
  const TemporaryFolder folder;
  AtomicFile first = *AtomicFile::Create(folder / "a");
  AtomicFile second = *AtomicFile::Create(folder / "a");
  ASSERT_TRUE(first.Write("first").ok());
  ASSERT_TRUE(second.Write("second").ok());
  ASSERT_TRUE(second.Commit().ok());
  ASSERT_TRUE(first.Commit().ok());
  EXPECT_EQ(Contents(folder / "a"), "first");
}

TEST(AtomicFileTest, WhatKilledWritersLeftIsRemovedAndNothingElse) {
  const TemporaryFolder folder;
  const AtomicFile left = *AtomicFile::Create(folder / "img_00000_00.png");
  const std::vector<std::string> others = {
      ".notes.tmp.1.2",   ".draft.tmp.2024.11", ".a.draftp-tmp",
      ".a.draftp-tmp.1",  ".a.draftp-tmp.1.b",  ".a.draftp-tmp.x.1",
      ".adraftp-tmp.1.2", "a.draftp-tmp.1.2",   ".a.draftp-tmp.1.2.3"};
  for (const std::string& name : others) folder.Write(name, "x");
  std::filesystem::create_directory(folder / ".folder.draftp-tmp.1.2");
  folder.Write("elsewhere", "x");
  std::filesystem::create_symlink(folder / "elsewhere", folder / ".link.draftp-tmp.1.2");
  RemoveLeftFiles(folder.path());
  std::vector<std::string> expected = others;
  expected.insert(expected.end(), {".folder.draftp-tmp.1.2", ".link.draftp-tmp.1.2", "elsewhere"});
  EXPECT_THAT(folder.Names(), ::testing::UnorderedElementsAreArray(expected));
}

// In a process of its own, since nothing can be written afterwards.
TEST(AtomicFileDeathTest, RemoveFilesInFlightLeavesOnlyWholeFiles) {
  const TemporaryFolder folder;
  const auto stop = [&folder] {
    AtomicFile done = *AtomicFile::Create(folder / "done");
    AtomicFile half = *AtomicFile::Create(folder / "half");
    if (!done.Commit().ok() || !half.Write("x").ok()) _exit(1);
    RemoveFilesInFlight();
    if (half.Commit().code() != absl::StatusCode::kCancelled) _exit(2);
    if (AtomicFile::Create(folder / "late").status().code() != absl::StatusCode::kCancelled)
      _exit(3);
    _exit(130);
  };
  EXPECT_EXIT(stop(), ::testing::ExitedWithCode(130), "");
  EXPECT_THAT(folder.Names(), ElementsAre("done"));
}

// The target is whole whenever a writer is killed: either version, never a part.
TEST(AtomicFileTest, KilledWritersLeaveTheTargetWhole) {
  const TemporaryFolder folder;
  const std::string versions[] = {std::string(300'000, 'a'), std::string(200'000, 'b')};
  ASSERT_TRUE(WriteFileAtomically(folder / "a", versions[0]).ok());
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0;; ++i) WriteFileAtomically(folder / "a", versions[i % 2]).IgnoreError();
    }
    usleep(500 + 700 * round);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const std::string contents = Contents(folder / "a");
    EXPECT_TRUE(contents == versions[0] || contents == versions[1]) << contents.size();
  }
}

}  // namespace
}  // namespace draftp
