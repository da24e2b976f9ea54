// Reading whole files, and what isn't one.
#include "draftp/io/read_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::FailsWith;
using testing::TemporaryFolder;

TEST(ReadFileTest, ReturnsAllBytes) {
  const TemporaryFolder folder;
  const std::string bytes("a\0b\n", 4);
  EXPECT_EQ(*ReadFile(folder.Write("file", bytes), 4), bytes);
  EXPECT_EQ(*ReadFile(folder.Write("empty", ""), 0), "");
}

TEST(ReadFileTest, RefusesMoreThanTheLimit) {
  const TemporaryFolder folder;
  EXPECT_THAT(ReadFile(folder.Write("file", "12345"), 4),
              FailsWith("file: found more than 4 bytes"));
}

TEST(ReadFileTest, NamesAnAbsentFile) {
  EXPECT_THAT(ReadFile("no/such\nfile", 9),
              FailsWith("no/such\\x0afile: can't read: No such file"));
  EXPECT_EQ(ReadFile("no/such", 9).status().code(), absl::StatusCode::kNotFound);
}

TEST(ReadFileTest, RefusesFoldersAndDoesNotWaitForPipes) {
  const TemporaryFolder folder;
  EXPECT_THAT(ReadFile(folder.path(), 9), FailsWith("found a folder, expected a file"));
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(ReadFile(folder / "pipe", 9), FailsWith("found a special file"));
}

TEST(ReadFileTest, ReadsAnOpenPipeToItsEndWhereOneIsExpected) {
  std::signal(SIGPIPE, SIG_IGN);  // the reader leaves at the limit
  const std::string bytes(200'000, 'x');
  for (const int64_t limit : {200'000, 199'999}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const std::string path = "/dev/fd/" + std::to_string(ends[0]);
    EXPECT_TRUE(IsStream(path));
    EXPECT_THAT(ReadFile(path, limit), FailsWith("found a special file"));
    std::thread writer([&] {
      for (size_t done = 0; done < bytes.size();) {
        const ssize_t wrote = write(ends[1], bytes.data() + done, bytes.size() - done);
        if (wrote <= 0) break;
        done += static_cast<size_t>(wrote);
      }
      close(ends[1]);
    });
    const auto contents = ReadFileOrStream(path, limit);
    close(ends[0]);
    writer.join();
    if (limit == 200'000) {
      EXPECT_EQ(*contents, bytes);
    } else {
      EXPECT_THAT(contents, FailsWith(": found more than 199999 bytes"));
    }
  }
}

TEST(ReadFileTest, OtherSpecialFilesAreNoStreams) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const std::string& path :
       {folder / "pipe", folder.Write("file", "12"), std::string("/dev/zero")})
    EXPECT_FALSE(IsStream(path)) << path;
  EXPECT_EQ(*ReadFileOrStream(folder / "file", 2), "12");
  EXPECT_THAT(ReadFileOrStream(folder / "pipe", 9), FailsWith("found a special file"));
  EXPECT_THAT(ReadFileOrStream("/dev/zero", 9), FailsWith("found a special file"));
}

TEST(ReadFileTest, RefusesANullByteInThePath) {
  EXPECT_THAT(ReadFile(std::string("a\0b", 3), 9), FailsWith("a\\x00b: can't read"));
}

TEST(ReadFileTest, ReadsFilesThatStateNoSize) {
  EXPECT_GT(ReadFile("/proc/self/status", 100'000)->size(), 10U);
}

}  // namespace
}  // namespace draftp
