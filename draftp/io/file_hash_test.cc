#include "draftp/io/file_hash.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "draftp/io/test_files.h"

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

TEST(RememberedSha256, IsTakenFromTheCacheWhileTheFileIsAsItWas) {
  const testing::TemporaryFolder cache;
  const std::string weights = "testdata/tiny_sdxl/unet/diffusion_pytorch_model.safetensors";
  const auto hash = RememberedSha256(weights, cache.path());
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_EQ(*hash, *Sha256OfFile(weights));
  ASSERT_EQ(cache.Names().size(), 1u);
  const std::string entry = cache.Names()[0], line = testing::Contents(cache / entry);
  const std::string other(64, '0');
  cache.Write(entry, line.substr(0, line.size() - 64) + other);
  EXPECT_EQ(*RememberedSha256(weights, cache.path()), other);  // it wasn't read again
  for (const std::string& stale : {"1" + line, line.substr(0, line.size() - 1), line + "0",
                                   std::string(), std::string(2000, 'x')}) {
    cache.Write(entry, stale);
    EXPECT_EQ(*RememberedSha256(weights, cache.path()), *hash) << stale;
  }
}

TEST(RememberedSha256, WorksWithoutACacheAndForSmallFiles) {
  const testing::TemporaryFolder folder;
  const std::string small = folder.Write("small", "abc");
  EXPECT_EQ(*RememberedSha256(small, folder / "cache"), Sha256OfText("abc"));
  EXPECT_FALSE(std::filesystem::exists(folder / "cache"));
  const std::string weights = "testdata/tiny_sdxl/unet/diffusion_pytorch_model.safetensors";
  EXPECT_EQ(*RememberedSha256(weights, ""), *Sha256OfFile(weights));
  EXPECT_EQ(*RememberedSha256(weights, "/proc/nowhere"), *Sha256OfFile(weights));
}

}  // namespace
}  // namespace draftp
