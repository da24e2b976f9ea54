// The package's launcher, and what the programs load, in a working folder full of traps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "draftp/io/test_files.h"
#include "tools/shell_run.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::Contents;
using testing::Ended;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunAsUser;
using testing::TemporaryFolder;

// A package whose program prints its libraries and arguments, and a working folder full of traps:
// whatever of it is run makes a file PWNED.
class LauncherTest : public ::testing::Test {
 protected:
  LauncherTest() {
    for (const char* sub : {"package/bin", "package/libexec", "traps/torch/lib",
                            "traps/nvidia/x/lib", "torch_folder/torch/lib"})
      fs::create_directories(folder_ / sub);
    Script("package/bin/draw", Contents("tools/launcher"));
    Script("package/libexec/draw", "#!/bin/sh\necho \"$LD_LIBRARY_PATH\"\nprintf '%s|' \"$@\"\n");
    const std::string touch = "echo x >" + (folder_ / "PWNED") + "\n";
    for (const char* name : {"python3", "readlink", "dirname", "basename", "sed", "sh", "cat"})
      Script(std::string("traps/") + name,
             "#!/bin/sh\n" + touch + "exec /usr/bin/" + name + " \"$@\"\n");
    for (const char* name : {"contextlib", "importlib", "sitecustomize", "usercustomize", "types"})
      folder_.Write(std::string("traps/") + name + ".py",
                    "open('" + (folder_ / "PWNED") + "', 'w')\n");
    for (const char* at : {"traps", "torch_folder"}) {
      folder_.Write(std::string(at) + "/torch/__init__.py", "");
      folder_.Write(std::string(at) + "/torch/lib/libtorch_cpu.so", "");
    }
  }

  void Script(const std::string& name, const std::string& text) const {
    folder_.Write(name, text);
    fs::permissions(folder_ / name, fs::perms::owner_all);
  }
  // In the folder of traps, with an environment of `variables` alone.
  Ended Start(const std::string& variables) const {
    return RunAsUser(
        "cd '" + (folder_ / "traps") + "' && exec /usr/bin/env -i " + variables + " \"$0\" \"$@\"",
        folder_ / "package/bin/draw", {"a", "b  c"});
  }
  void ExpectNothingPlanted(const Ended& ended) const {
    EXPECT_FALSE(fs::exists(folder_ / "PWNED")) << ended.error;
    EXPECT_THAT(ended.out + ended.error, Not(HasSubstr("traps")));
  }
  std::string torch() const { return folder_ / "torch_folder/torch"; }

  TemporaryFolder folder_;
};

TEST_F(LauncherTest, RunsNothingOfTheWorkingFolder) {
  for (const char* variables :
       {"PATH=/usr/bin:/bin", "PATH=:.:/usr/bin:/bin", "PATH=traps:/usr/bin:.:/bin:", "PATH=.", "",
        "PATH=/usr/bin PYTHONPATH=:.: LD_LIBRARY_PATH=:.:", "PATH=/usr/bin PYTHONUSERBASE=.",
        "PATH=/usr/bin HOME=."}) {
    const Ended ended = Start(variables);
    ExpectNothingPlanted(ended);
    // Found or not by the system's own python3.
    if (ended.code == 0) continue;
    EXPECT_THAT(ended.error, HasSubstr("draw: LibTorch 2.11 not found;"));
  }
}

TEST_F(LauncherTest, LooksForLibrariesInAbsoluteFoldersAlone) {
  for (const char* inherited : {"", ":", ":.", ".:", "lib:./lib:../x", "';.;'", "'$ORIGIN'"}) {
    const Ended ended =
        Start("DRAFTP_LIBTORCH=" + torch() + " LD_LIBRARY_PATH=" + inherited + " PATH=:/usr/bin");
    ExpectNothingPlanted(ended);
    EXPECT_EQ(ended.code, 0) << ended.error;
    EXPECT_EQ(ended.out, torch() + "/lib\na|b  c|") << inherited;
  }
  EXPECT_EQ(Start("DRAFTP_LIBTORCH=" + torch() + " LD_LIBRARY_PATH=':/usr/lib;x:/lib:'").out,
            torch() + "/lib:/usr/lib:/lib\na|b  c|");
}

TEST_F(LauncherTest, FindsWhatPythonImportsFromAbsoluteFolders) {
  const Ended path = Start("PATH=/usr/bin PYTHONPATH=.:" + (folder_ / "torch_folder") + ":traps");
  EXPECT_EQ(path.out, fs::canonical(torch()).string() + "/lib\na|b  c|") << path.error;
  const Ended site =
      RunAsUser("cd / && PYTHONUSERBASE='" + (folder_ / "user") + "' \"$0\" -m site --user-site",
                "/usr/bin/python3", {});
  const std::string packages = site.out.substr(0, site.out.find('\n'));
  fs::create_directories(packages);
  fs::rename(torch(), packages + "/torch");
  const Ended user = Start("PATH=/usr/bin PYTHONUSERBASE=" + (folder_ / "user"));
  EXPECT_EQ(user.out, fs::canonical(packages).string() + "/torch/lib\na|b  c|") << user.error;
  EXPECT_FALSE(fs::exists(folder_ / "PWNED"));
}

TEST_F(LauncherTest, RefusesWhatIsNoAbsolutePath) {
  const Ended relative = Start("DRAFTP_LIBTORCH=torch");
  EXPECT_EQ(relative.code, 2);
  EXPECT_EQ(relative.error,
            "draw: DRAFTP_LIBTORCH: found the relative path torch, expected an absolute one\n");
  fs::create_directories(folder_ / "a:b/lib");
  folder_.Write("a:b/lib/libtorch_cpu.so", "");
  const Ended colon = Start("DRAFTP_LIBTORCH=" + (folder_ / "a:b"));
  EXPECT_EQ(colon.code, 1);
  EXPECT_THAT(colon.error, HasSubstr("expected a path without : and ;"));
}

TEST(ProgramsTest, FindLibrariesByAbsolutePathsAlone) {
  for (const char* program : {"tools/anneal", "tools/train", "tools/tokenize"}) {
    const Ended ended = RunAsUser("readelf -d \"$0\"", program, {});
    ASSERT_EQ(ended.code, 0) << ended.error;
    for (size_t at = 0; (at = ended.out.find("path: [", at)) != std::string::npos;) {
      at += 7;
      std::string entries = ended.out.substr(at, ended.out.find(']', at) - at) + ":";
      for (size_t colon; (colon = entries.find(':')) != std::string::npos;) {
        const std::string entry = entries.substr(0, colon);
        EXPECT_TRUE(entry.starts_with('/') || entry.starts_with("$ORIGIN/")) << entry;
        entries.erase(0, colon + 1);
      }
    }
  }
}

}  // namespace
}  // namespace draftp
