#include "draftp/convert/verified_output.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "draftp/io/atomic_file.h"
#include "draftp/io/test_files.h"

namespace draftp::testing {
namespace {

namespace fs = std::filesystem;

absl::Status WriteText(const std::string& path) { return WriteFileAtomically(path, "text"); }

bool IsEmpty(const TemporaryFolder& folder) { return fs::is_empty(folder.path()); }

TEST(VerifiedOutput, HasNoNameBeforeItIsVerified) {
  const TemporaryFolder folder;
  const std::string out = folder / "m.safetensors";
  const absl::Status status = WriteThenVerify(out, WriteText, [&out](const std::string& path) {
    EXPECT_FALSE(fs::exists(out));
    EXPECT_EQ(fs::path(path).filename(), "m.safetensors");
    EXPECT_EQ(Contents(path), "text");
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Contents(out), "text");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(VerifiedOutput, WhatFailsLeavesNothingAndSpeaksOfTheName) {
  const TemporaryFolder folder;
  const std::string out = folder / "m.safetensors";
  const absl::Status status = WriteThenVerify(out, WriteText, [](const std::string& path) {
    return absl::DataLossError(path + ": unet/a: has other bits than were written");
  });
  EXPECT_EQ(status, absl::DataLossError(out + ": unet/a: has other bits than were written"));
  EXPECT_TRUE(IsEmpty(folder));
}

TEST(VerifiedOutput, AFolderIsAlikeAndAFailureToWriteIsNotVerified) {
  const TemporaryFolder folder;
  const auto make = [](const std::string& path) {
    fs::create_directory(path);
    return WriteText(path + "/a.json");
  };
  bool verified = false;
  const auto verify = [&verified](const std::string&) {
    verified = true;
    return absl::OkStatus();
  };
  const auto fail = [](const std::string& path) { return absl::UnavailableError(path + ": no"); };
  EXPECT_EQ(WriteThenVerify(folder / "d", fail, verify), absl::UnavailableError(folder / "d: no"));
  EXPECT_FALSE(verified);
  EXPECT_TRUE(IsEmpty(folder));
  EXPECT_TRUE(WriteThenVerify(folder / "d", make, verify).ok());
  EXPECT_TRUE(verified);
  EXPECT_EQ(Contents(folder / "d/a.json"), "text");
}

}  // namespace
}  // namespace draftp::testing
