#include "draftp/run/input_hashes.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "draftp/io/file_hash.h"
#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::FailsWith;
using testing::TemporaryFolder;

TEST(InputHashes, AreThoseOfTheFiles) {
  const TemporaryFolder folder;
  InputHashes hashes({{"a", folder.Write("a", "abc")}, {"b", folder.Write("b", "")}});
  const auto& known = hashes.Get();
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->at("a"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(known->at("b"), Sha256OfText(""));
  InputHashes gone({{"gone", folder / "gone"}});
  EXPECT_THAT(gone.Get(), FailsWith("gone: can't read"));
}

TEST(CombinedHash, IsTheFilesOwnForOneAndDependsOnEveryRoleForMore) {
  EXPECT_EQ(CombinedHash({{"x", "ab"}}), "ab");
  EXPECT_EQ(CombinedHash({{"x", "ab"}, {"y", "cd"}}), Sha256OfText("x ab\ny cd\n"));
}

TEST(CheckInputsLieElsewhere, SeesThroughLinksAndLeavesNeighboursAlone) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "out/unet");
  const std::string weights = folder.Write("out/unet/w.safetensors", "w");
  const std::string beside = folder.Write("out/unet_of_mine", "w");
  std::filesystem::create_directory_symlink(folder / "out", folder / "link");
  const auto check = [&](const std::string& path, const std::string& dir) {
    return CheckInputsLieElsewhere({{"weights", path}}, dir, {"unet", "run.json"});
  };
  EXPECT_THAT(check(weights, folder / "out"),
              FailsWith("which this run reads, where its unet goes"));
  EXPECT_THAT(check(folder / "link/unet/w.safetensors", folder / "out"),
              FailsWith("its unet goes"));
  EXPECT_THAT(check(weights, folder / "link/"), FailsWith("its unet goes"));
  EXPECT_EQ(check(beside, folder / "out"), absl::OkStatus());
  EXPECT_EQ(check(weights, folder / "other"), absl::OkStatus());
}

}  // namespace
}  // namespace draftp
