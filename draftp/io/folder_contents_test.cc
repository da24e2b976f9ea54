#include "draftp/io/folder_contents.h"

#include <gtest/gtest.h>

#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using testing::TemporaryFolder;

TEST(FolderContentsTest, NamesAFewAndCountsTheRest) {
  const TemporaryFolder folder;
  EXPECT_EQ(FolderContents(folder.path()), "it is empty");
  folder.Write("b", "");
  EXPECT_EQ(FolderContents(folder.path()), "it holds b");
  folder.Write("a\n", "");
  EXPECT_EQ(FolderContents(folder.path()), "it holds a\\x0a and b");
  folder.Write("c", "");
  folder.Write("d", "");
  EXPECT_EQ(FolderContents(folder.path()), "it holds a\\x0a, b, c and d");
  folder.Write("e", "");
  EXPECT_EQ(FolderContents(folder.path()), "it holds a\\x0a, b, c and 2 more");
}

TEST(FolderContentsTest, WhatIsNoFolderHoldsNothing) {
  const TemporaryFolder folder;
  EXPECT_TRUE(FolderNames(folder / "gone").empty());
  EXPECT_TRUE(FolderNames(folder.Write("file", "")).empty());
}

}  // namespace
}  // namespace draftp
