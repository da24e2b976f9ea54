// Commas, braces and globs, each and together.
#include "draftp/io/path_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::TemporaryFolder;

TEST(ExpandPathsTest, CommasSplit) {
  EXPECT_THAT(*ExpandPaths("a.txt"), ElementsAre("a.txt"));
  EXPECT_THAT(*ExpandPaths("b.txt,a.txt,b.txt"), ElementsAre("b.txt", "a.txt", "b.txt"));
}

TEST(ExpandPathsTest, NumbersKeepTheirZeros) {
  EXPECT_THAT(*ExpandPaths("s{008..010}.tar"), ElementsAre("s008.tar", "s009.tar", "s010.tar"));
  EXPECT_THAT(*ExpandPaths("{8..10}"), ElementsAre("8", "9", "10"));
  EXPECT_THAT(*ExpandPaths("{08..10}"), ElementsAre("08", "09", "10"));
  EXPECT_THAT(*ExpandPaths("{1..003}"), ElementsAre("001", "002", "003"));
  EXPECT_THAT(*ExpandPaths("{2..0}"), ElementsAre("2", "1", "0"));
  EXPECT_THAT(*ExpandPaths("{0..0}"), ElementsAre("0"));
}

TEST(ExpandPathsTest, AlternativesMultiply) {
  EXPECT_THAT(*ExpandPaths("{a,b}{1..2},c"), ElementsAre("a1", "a2", "b1", "b2", "c"));
  EXPECT_THAT(*ExpandPaths("x{a,b{c,{1..2}},}y"), ElementsAre("xay", "xbcy", "xb1y", "xb2y", "xy"));
}

TEST(ExpandPathsTest, GlobsMatchInByteOrder) {
  const TemporaryFolder folder;
  for (const char* name : {"b.txt", "B.txt", "a.txt", "a1.txt", ".h.txt", "c.csv"})
    folder.Write(name, "");
  EXPECT_THAT(*ExpandPaths(folder / "*.txt"),
              ElementsAre(folder / "B.txt", folder / "a.txt", folder / "a1.txt", folder / "b.txt"));
  EXPECT_THAT(*ExpandPaths(folder / "?.txt"),
              ElementsAre(folder / "B.txt", folder / "a.txt", folder / "b.txt"));
  EXPECT_THAT(*ExpandPaths(folder / "{c.csv,[ab].txt}"),
              ElementsAre(folder / "c.csv", folder / "a.txt", folder / "b.txt"));
}

TEST(ExpandPathsTest, APatternMustMatch) {
  const TemporaryFolder folder;
  EXPECT_THAT(ExpandPaths("a.txt," + folder / "*.tar"),
              FailsWith("/*.tar\": found no such file, expected at least one"));
  EXPECT_THAT(*ExpandPaths("/nowhere/a.txt"), ElementsAre("/nowhere/a.txt"));
}

TEST(ExpandPathsTest, AFileMayBeNamedLikeAPattern) {
  const TemporaryFolder folder;
  folder.Write("a[1].txt", "");
  EXPECT_THAT(*ExpandPaths(folder / "a[1].txt"), ElementsAre(folder / "a[1].txt"));
}

TEST(ExpandPathsTest, ReportsFoldersThatCannotBeSearched) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("loop", folder / "loop");
  EXPECT_THAT(ExpandPaths(folder / "loop/*.txt"), FailsWith("/loop/*.txt\": "));
}

TEST(ExpandPathsTest, RejectsWhatHasNoMeaning) {
  EXPECT_THAT(ExpandPaths(""), FailsWith("found an empty name"));
  EXPECT_THAT(ExpandPaths("a,,b"), FailsWith("\"a,,b\": found an empty name"));
  EXPECT_THAT(ExpandPaths("a{1..2"), FailsWith("\"a{1..2\": found '{', expected a '}'"));
  EXPECT_THAT(ExpandPaths("a}b{"), FailsWith("found '}', expected a '{'"));
  for (const char* braces : {"{}", "{a}", "{a..b}", "{1..}", "{1..2..3}", "{-1..2}", "{1...2}"}) {
    EXPECT_THAT(ExpandPaths(braces), FailsWith(std::string("\"") + braces + "\": found no known"));
  }
  EXPECT_THAT(ExpandPaths(std::string("a\0b", 3)), FailsWith("found a null character"));
}

TEST(ExpandPathsTest, BoundsWhatASpecCanBecome) {
  EXPECT_EQ(ExpandPaths("{1..65536}")->size(), 65536u);
  EXPECT_THAT(ExpandPaths("{1..65537}"), FailsWith("found more than 65536 numbers"));
  EXPECT_THAT(ExpandPaths("{0..999999999999999999}"), FailsWith("found more than 65536 numbers"));
  EXPECT_THAT(ExpandPaths("{1..300}{1..300}"), FailsWith("found more than 65536 names"));
  EXPECT_THAT(ExpandPaths("{1..40000},{1..40000}"), FailsWith("found more than 65536 files"));
  EXPECT_THAT(ExpandPaths(std::string(4097, 'a')), FailsWith("found a name of 4097 bytes"));
  EXPECT_THAT(ExpandPaths(std::string(65537, ',')), FailsWith("found a list of 65537 bytes"));
  EXPECT_THAT(ExpandPaths(std::string(17, '{')), FailsWith("found braces deeper than 16"));
}

}  // namespace
}  // namespace draftp
