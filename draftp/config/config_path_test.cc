// Tests of path resolution with and without bazel's variable.
#include "draftp/config/config_path.h"

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "draftp/io/test_files.h"
#include "gtest/gtest.h"

namespace draftp {
namespace {

// Sets a variable for a scope.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* old = getenv(name)) old_ = old;
    if (value == nullptr) {
      unsetenv(name);
    } else {
      setenv(name, value, 1);
    }
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() {
    if (old_.empty()) {
      unsetenv(name_);
    } else {
      setenv(name_, old_.c_str(), 1);
    }
  }

 private:
  const char* name_;
  std::string old_;
};

TEST(ConfigPathTest, TheUsersFolderIsWhereBazelRunWasTyped) {
  const ScopedVariable variable("BUILD_WORKING_DIRECTORY", "/usr/lib");
  EXPECT_EQ(*UserFolder(), "/usr/lib");
}

TEST(ConfigPathTest, TheUsersFolderIsTheCurrentOneWithoutBazel) {
  for (const char* value : {static_cast<const char*>(nullptr), "", "relative"}) {
    const ScopedVariable variable("BUILD_WORKING_DIRECTORY", value);
    EXPECT_EQ(*UserFolder(), std::filesystem::current_path().string());
  }
}

TEST(ConfigPathTest, AFolderThatIsGoneIsAnError) {
  {
    const ScopedVariable variable("BUILD_WORKING_DIRECTORY", "/nowhere/at/all");
    EXPECT_THAT(UserFolder(), testing::FailsWith("BUILD_WORKING_DIRECTORY: found \"/nowhere/at"));
  }
  const std::filesystem::path before = std::filesystem::current_path();
  const ScopedVariable variable("BUILD_WORKING_DIRECTORY", "/usr/lib");
  {
    const testing::TemporaryFolder folder;
    std::filesystem::current_path(folder.path());
  }
  EXPECT_THAT(UserFolder(), testing::FailsWith("the working folder can't be found"));
  std::filesystem::current_path(before);
}

TEST(ConfigPathTest, RelativePathsStartAtTheBase) {
  EXPECT_EQ(AbsolutePath("a/b", "/base"), "/base/a/b");
  EXPECT_EQ(AbsolutePath("../a", "/base/x"), "/base/a");
  EXPECT_EQ(AbsolutePath("./a//b/", "/base"), "/base/a/b");
  EXPECT_EQ(AbsolutePath("日本", "/base"), "/base/日本");
  EXPECT_EQ(AbsolutePath(".", "/base"), "/base");
}

TEST(ConfigPathTest, ATildeThatTheShellLeftIsTheHomeFolder) {
  const ScopedVariable variable("HOME", "/home/me");
  EXPECT_EQ(AbsolutePath("~/q", "/base"), "/home/me/q");
  EXPECT_EQ(AbsolutePath("~", "/base"), "/home/me");
  EXPECT_EQ(AbsolutePath("~you", "/base"), "/base/~you");
  EXPECT_EQ(AbsolutePath("a/~", "/base"), "/base/a/~");
  const ScopedVariable none("HOME", nullptr);
  EXPECT_EQ(AbsolutePath("~/q", "/base"), "/base/~/q");
}

TEST(ConfigPathTest, WhatNamesTheEmbeddedModelStays) {
  EXPECT_EQ(AbsolutePath("embedded", "/base"), "embedded");
  EXPECT_EQ(AbsolutePath("embedded:lora/x", "/base"), "embedded:lora/x");
  EXPECT_EQ(AbsolutePath("embedded/x", "/base"), "/base/embedded/x");
  EXPECT_EQ(AbsolutePath("./embedded", "/base"), "/base/embedded");
}

TEST(ConfigPathTest, ADashIsStandardInput) {
  EXPECT_EQ(AbsolutePath("-", "/base"), "/dev/stdin");
  EXPECT_EQ(AbsolutePath("./-", "/base"), "/base/-");
}

TEST(ConfigPathTest, AbsoluteAndEmptyPathsStay) {
  EXPECT_EQ(AbsolutePath("/a/b", "/base"), "/a/b");
  EXPECT_EQ(AbsolutePath("/", "/base"), "/");
  EXPECT_EQ(AbsolutePath("", "/base"), "");
}

}  // namespace
}  // namespace draftp
