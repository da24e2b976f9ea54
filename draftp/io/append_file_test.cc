// Records that are whole in the file at once, and a disk that fills up.
#include "draftp/io/append_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::Contents;
using testing::FailsWith;
using testing::TemporaryFolder;

// While it lives, no file of the process grows beyond `bytes`: a write does a part, then fails.
class ScopedFileSizeLimit {
 public:
  explicit ScopedFileSizeLimit(rlim_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~ScopedFileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }
  ScopedFileSizeLimit(const ScopedFileSizeLimit&) = delete;
  ScopedFileSizeLimit& operator=(const ScopedFileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(AppendFileTest, EachRecordIsThereAtOnce) {
  const TemporaryFolder folder;
  absl::StatusOr<AppendFile> file = AppendFile::Create(folder / "log");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Append("one\n").ok());
  EXPECT_EQ(Contents(folder / "log"), "one\n");
  ASSERT_TRUE(file->Append("two\n").ok());
  EXPECT_EQ(Contents(folder / "log"), "one\ntwo\n");
}

TEST(AppendFileTest, CreateTakesNoFileThatIsThere) {
  const TemporaryFolder folder;
  EXPECT_EQ(AppendFile::Create(folder.Write("log", "x")).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Contents(folder / "log"), "x");
}

TEST(AppendFileTest, OpenGoesOnAtTheEnd) {
  const TemporaryFolder folder;
  folder.Write("log", "one\n");
  absl::StatusOr<AppendFile> file = AppendFile::Open(folder / "log");
  ASSERT_TRUE(file->Append("two\n").ok());
  EXPECT_EQ(Contents(folder / "log"), "one\ntwo\n");
  EXPECT_TRUE(AppendFile::Open(folder / "new").ok());
}

TEST(AppendFileTest, AFullDiskLeavesWholeRecords) {
  const TemporaryFolder folder;
  absl::StatusOr<AppendFile> file = AppendFile::Create(folder / "log");
  ASSERT_TRUE(file->Append("one\n").ok());
  {
    const ScopedFileSizeLimit full(7);
    EXPECT_THAT(file->Append("second\n"), FailsWith("/log: can't write"));
    EXPECT_EQ(Contents(folder / "log"), "one\n");
    EXPECT_TRUE(file->Append("2\n").ok());
  }
  EXPECT_TRUE(file->Append("three\n").ok());
  EXPECT_EQ(Contents(folder / "log"), "one\n2\nthree\n");
}

TEST(AppendFileTest, NothingFollowsTheClose) {
  const TemporaryFolder folder;
  absl::StatusOr<AppendFile> file = AppendFile::Create(folder / "log");
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_TRUE(file->Close().ok());
  EXPECT_THAT(file->Append("x"), FailsWith("/log: used after it was closed"));
  EXPECT_THAT(file->Close(), FailsWith("/log: used after it was closed"));
}

TEST(AppendFileTest, SaysWhyItCannotBeOpened) {
  const TemporaryFolder folder;
  EXPECT_THAT(AppendFile::Open(folder.path()), FailsWith(": can't open"));
  EXPECT_THAT(AppendFile::Open(folder / "absent/log"), FailsWith("/absent/log: can't open"));
  EXPECT_THAT(AppendFile::Open("/dev/null"), FailsWith("/dev/null: found a special file"));
}

TEST(AppendFileTest, FollowsNoLink) {
  const TemporaryFolder folder;
  folder.Write("elsewhere", "x");
  for (const char* target : {"elsewhere", "absent"}) {
    std::filesystem::create_symlink(folder / target, folder / "log");
    EXPECT_THAT(AppendFile::Open(folder / "log"), FailsWith("/log: found a symbolic link"));
    EXPECT_FALSE(AppendFile::Create(folder / "log").ok());
    std::filesystem::remove(folder / "log");
  }
  EXPECT_THAT(folder.Names(), ::testing::ElementsAre("elsewhere"));
  EXPECT_EQ(Contents(folder / "elsewhere"), "x");
}

}  // namespace
}  // namespace draftp
