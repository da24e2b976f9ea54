// Tests of folders that appear whole or not at all.
#include "draftp/io/atomic_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::Contents;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

void Write(const AtomicFolder& folder, const std::string& text) {
  std::ofstream(folder.path() + "/file") << text;
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
  EXPECT_EQ(Contents(parent / "a/file"), "2");
}

TEST(AtomicFolder, ReplacesAnOlderOne) {
  const TemporaryFolder parent;
  for (const char* text : {"old", "new"}) {
    auto folder = AtomicFolder::Create(parent / "a");
    Write(*folder, text);
    ASSERT_TRUE(folder->Commit().ok());
  }
  EXPECT_THAT(parent.Names(), ElementsAre("a"));
  EXPECT_EQ(Contents(parent / "a/file"), "new");
}

TEST(AtomicFolder, SweepsWhatKilledProcessesLeft) {
  const TemporaryFolder parent;
  for (const char* name : {".a.tmp", ".a.old", "a", ".hidden"})
    std::filesystem::create_directory(parent / name);
  RemoveLeftFolders(parent.path());
  EXPECT_THAT(parent.Names(), ElementsAre(".hidden", "a"));
}

TEST(AtomicFolder, NamesTheFolderThatCantBeMade) {
  const TemporaryFolder parent;
  EXPECT_THAT(AtomicFolder::Create(parent / "gone/a").status(),
              testing::FailsWith("gone/a: can't make the folder"));
}

}  // namespace
}  // namespace draftp
