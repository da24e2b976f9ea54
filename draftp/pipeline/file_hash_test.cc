#include "draftp/pipeline/file_hash.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace draftp {
namespace {

std::string HashOf(const std::string& content) {
  const std::string path = ::testing::TempDir() + "/file_hash_test";
  std::ofstream(path, std::ios::binary) << content;
  const auto hash = Sha256OfFile(path);
  return hash.ok() ? *hash : std::string(hash.status().message());
}

// FIPS 180-4's example vectors (NIST's SHA256.pdf and SHA256_additional).
TEST(Sha256OfFileTest, EqualsTheStandardsExamples) {
  EXPECT_EQ(HashOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HashOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HashOf(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(HashOf(std::string(1000000, '\0')),
            "d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025");
}

TEST(Sha256OfFileTest, NamesAnAbsentFile) {
  EXPECT_EQ(Sha256OfFile("/nowhere/weights").status().message(),
            "/nowhere/weights: can't read: No such file or directory");
}

// A file may be replaced between being loaded and being hashed.
TEST(Sha256OfFileTest, DoesNotWaitForPipes) {
  const std::string path = ::testing::TempDir() + "/file_hash_test_pipe";
  unlink(path.c_str());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(Sha256OfFile(path).status().message(),
            path + ": found a special file, expected a file");
  unlink(path.c_str());
}

}  // namespace
}  // namespace draftp
