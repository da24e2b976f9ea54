#include "draftp/run/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "draftp/io/atomic_file.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

TEST(OutputFolderTest, MakesWhatLeadsToItAndKeepsWhatIsNotEmpty) {
  const TemporaryFolder folder;
  {
    auto out = OutputFolder::Open(folder / "a/b");
    ASSERT_TRUE(out.ok()) << out.status();
    ASSERT_TRUE(out->MakeSubfolder("full").ok());
    ASSERT_TRUE(out->MakeSubfolder("empty").ok());
    folder.Write("a/b/full/picture", "x");
  }
  EXPECT_TRUE(fs::exists(folder / "a/b/full/picture"));
  EXPECT_FALSE(fs::exists(folder / "a/b/empty"));
}

TEST(OutputFolderTest, LeavesNoEmptyFolderOfItsOwn) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "mine");
  {
    const auto out = OutputFolder::Open(folder / "mine/a/b/");
    ASSERT_TRUE(out.ok()) << out.status();
    EXPECT_TRUE(fs::is_directory(folder / "mine/a/b"));
    const auto there = OutputFolder::Open(folder / "mine");
    EXPECT_TRUE(there.ok()) << there.status();
  }
  EXPECT_THAT(folder.Names(), ElementsAre("mine"));
  EXPECT_TRUE(fs::is_empty(folder / "mine"));
}

TEST(OutputFolderTest, ASecondRunIsTurnedAwayWithTheNameOfTheFirst) {
  const TemporaryFolder folder;
  fs::create_directory_symlink(folder.path(), folder / "link");
  const auto first = OutputFolder::Open(folder / "out");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->Warning(), "");
  const auto second = OutputFolder::Open(folder / "link/out");
  EXPECT_THAT(second, FailsWith("link/out: found another run (process " + std::to_string(getpid()) +
                                ") writing into it"));
  EXPECT_TRUE(fs::is_directory(folder / "out"));
}

TEST(OutputFolderTest, IsFreeAgainOnceItsRunHasEnded) {
  const TemporaryFolder folder;
  for (int round = 0; round < 2; ++round) {
    auto out = OutputFolder::Open(folder / "out");
    EXPECT_TRUE(out.ok()) << out.status();
    const OutputFolder moved = *std::move(out);
    EXPECT_FALSE(OutputFolder::Open(folder / "out").ok());
  }
}

// kill -9 runs nothing of ours: the system frees the lock, and the next run tidies up.
TEST(OutputFolderTest, AKilledRunLeavesNoLockAndItsHalfFilesGo) {
  const TemporaryFolder folder;
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto out = OutputFolder::Open(folder / "out");
    if (!out.ok() || !out->MakeSubfolder("base").ok()) _exit(1);
    const auto half = AtomicFile::Create(folder / "out/base/img.png");
    const auto record = AtomicFile::Create(folder / "out/run.json");
    if (!half.ok() || !record.ok() || write(told[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char byte;
  ASSERT_EQ(read(told[0], &byte, 1), 1);
  close(told[0]);
  close(told[1]);
  EXPECT_THAT(OutputFolder::Open(folder / "out"), FailsWith("process " + std::to_string(child)));
  EXPECT_FALSE(fs::is_empty(folder / "out/base"));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  auto next = OutputFolder::Open(folder / "out");
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_FALSE(fs::is_empty(folder / "out/base")) << "nothing goes before all is checked";
  EXPECT_TRUE(next->Tidy({"base", "absent"}).ok());
  EXPECT_TRUE(fs::is_empty(folder / "out/base"));
  EXPECT_THAT(std::distance(fs::directory_iterator(folder / "out"), fs::directory_iterator()), 1);
}

// Half files of another run's folder, or under names that aren't this program's, stay.
TEST(OutputFolderTest, TidiesItsOwnFoldersAlone) {
  const TemporaryFolder folder, elsewhere;
  const std::string half = "/.a.png.draftp-tmp.1.2";
  fs::create_directories(folder / "mine");
  fs::create_directories(folder / "other");
  for (const char* name : {"mine", "other"}) folder.Write(name + half, "x");
  folder.Write("mine/.draft.tmp.2024.11", "x");
  elsewhere.Write(half.substr(1), "x");
  auto out = OutputFolder::Open(folder.path());
  ASSERT_TRUE(out.ok()) << out.status();
  fs::create_directory_symlink(elsewhere.path(), folder / "link");
  EXPECT_THAT(out->Tidy({"mine", "link"}), FailsWith("/link: found a symbolic link, expected a"));
  EXPECT_THAT(out->MakeSubfolder("link"), FailsWith("/link: found a symbolic link, expected a"));
  EXPECT_TRUE(fs::exists(folder / ("mine" + half)));
  EXPECT_TRUE(out->Tidy({"mine"}).ok());
  EXPECT_FALSE(fs::exists(folder / ("mine" + half)));
  EXPECT_TRUE(fs::exists(folder / ("other" + half)));
  EXPECT_TRUE(fs::exists(folder / "mine/.draft.tmp.2024.11"));
  EXPECT_TRUE(fs::exists(elsewhere.path() + half));
}

TEST(OutputFolderTest, NoticesThatItIsGoneOrAnother) {
  const TemporaryFolder folder;
  const auto out = OutputFolder::Open(folder / "out");
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_TRUE(out->Check().ok());
  fs::rename(folder / "out", folder / "moved");
  EXPECT_THAT(out->Check(), FailsWith("out: the folder was removed or replaced"));
  const auto another = OutputFolder::Open(folder / "out");
  EXPECT_TRUE(another.ok()) << another.status();
  EXPECT_FALSE(out->Check().ok());
}

TEST(OutputFolderTest, NamesWhatCannotBeWrittenInto) {
  const TemporaryFolder folder;
  folder.Write("file", "x");
  EXPECT_THAT(OutputFolder::Open(folder / "file"), FailsWith("file: Not a directory, expected a"));
  EXPECT_THAT(OutputFolder::Open(folder / "file/a"), FailsWith("Not a directory"));
  EXPECT_THAT(OutputFolder::Open("/proc/nowhere"), FailsWith("/proc/nowhere: "));
  EXPECT_THAT(OutputFolder::Open(folder / std::string(300, 'n')), FailsWith("File name too long"));
  EXPECT_THAT(OutputFolder::Open(folder / ("a/" + std::string(300, 'n'))), FailsWith("too long"));
  EXPECT_THAT(folder.Names(), ElementsAre("file"));
}

// In a process of its own, as after Ctrl-C: no destructor runs.
TEST(OutputFolderDeathTest, ASignalsThreadRemovesWhatIsEmpty) {
  const TemporaryFolder folder;
  const auto stop = [&folder] {
    const auto out = OutputFolder::Open(folder / "out");
    const bool ok = out.ok() && fs::exists(folder / "out");
    RemoveUnfinished();
    _exit(ok ? 130 : 1);
  };
  EXPECT_EXIT(stop(), ::testing::ExitedWithCode(130), "");
  EXPECT_THAT(folder.Names(), IsEmpty());
}

}  // namespace
}  // namespace draftp
