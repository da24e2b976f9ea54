// Reading whole files, and what isn't one.
#include "draftp/io/read_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

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

TEST(ReadFileTest, RefusesANullByteInThePath) {
  EXPECT_THAT(ReadFile(std::string("a\0b", 3), 9), FailsWith("a\\x00b: can't read"));
}

TEST(ReadFileTest, ReadsFilesThatStateNoSize) {
  EXPECT_GT(ReadFile("/proc/self/status", 100'000)->size(), 10U);
}

}  // namespace
}  // namespace draftp
