// Specs over files of every kind, and what all of them refuse. The formats themselves:
// caption_*_test.cc.
#include "draftp/data/captions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "draftp/testing/corruption.h"
#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using testing::TestFolder;

TEST(ReadCaptionsTest, ReadsEveryKindFileAfterFile) {
  const auto expected = testing::ReadGolden("captions/expected.json");
  const auto golden = expected["captions"].get<std::vector<std::string>>();
  const std::string folder = "testdata/goldens/captions/";
  const auto captions = ReadCaptions(folder + "{shard.tar,lines.jsonl}," + folder + "*.csv," +
                                     folder + "shard.tar.gz");
  ASSERT_TRUE(captions.ok()) << captions.status();
  ASSERT_EQ(captions->size(), 4 * golden.size());
  for (size_t i = 0; i < captions->size(); ++i)
    EXPECT_EQ((*captions)[i], golden[i % golden.size()]);
}

TEST(ReadCaptionsTest, ReadsTheEmbeddedModels) {
  const auto captions = ReadCaptions("testdata/tiny_sdxl/prompts/*.txt");
  ASSERT_TRUE(captions.ok()) << captions.status();
  EXPECT_GT(captions->size(), 100u);
}

TEST(ReadCaptionsTest, SortsWhatAPatternMatchesAndKeepsTheOrderOfTheSpec) {
  const TestFolder folder;
  for (const char* name : {"2", "10", "1"}) folder.Write(std::string(name) + ".txt", name);
  const std::string path = folder.path() + "/";
  EXPECT_THAT(*ReadCaptions(path + "*.txt"), ElementsAre("1", "10", "2"));
  EXPECT_THAT(*ReadCaptions(path + "{2,1}.txt," + path + "2.txt"), ElementsAre("2", "1", "2"));
}

// The original's model.data.webdataset.local_root_path.
TEST(ReadCaptionsTest, TakesTheFilesOfAFolder) {
  const TestFolder folder;
  folder.Write("b.txt", "b\n");
  folder.Write("a.csv", "caption\na\n");
  folder.Write(".c.txt", "c\n");
  folder.Write("readme.md", "d\n");
  std::filesystem::create_directory(folder.path() + "/e.txt");
  EXPECT_THAT(*ReadCaptions(folder.path()), ElementsAre("a", "b"));
  EXPECT_THAT(*ReadCaptions(folder.path() + "/"), ElementsAre("a", "b"));
  const TestFolder empty;
  ExpectError(ReadCaptions(empty.path()).status(), "found a folder without captions",
              "expected files that end in .tar");
}

TEST(ReadCaptionsTest, KnowsAKindInAnyCase) {
  const TestFolder folder;
  EXPECT_THAT(*ReadCaptions(folder.Write("A.TXT", "a\n")), ElementsAre("a"));
}

TEST(ReadCaptionsTest, RejectsOtherKindsBeforeReading) {
  const TestFolder folder;
  const std::string parquet = folder.Write("b.parquet", "PAR1");
  ExpectError(ReadCaptions("/nowhere/a.txt," + parquet).status(),
              "b.parquet: found a file of unknown", "expected a name that ends in .tar");
  ExpectError(ReadCaptions("captions").status(), "captions: found a file of unknown kind");
}

TEST(ReadCaptionsTest, NamesTheLineWhoseCaptionSaysNothing) {
  const TestFolder folder;
  ExpectError(ReadCaptions(folder.Write("a.txt", "a\n\n \x01\x02 \n")).status(),
              "a.txt: line 3: ", "found \" \\x01\\x02 \"",
              "expected more than spaces and control characters");
}

TEST(ReadCaptionsTest, RejectsAbsentAndEmptyFiles) {
  const TestFolder folder;
  for (const char* name : {"a.tar", "a.tar.gz", "a.txt", "a.jsonl", "a.csv"}) {
    ExpectError(ReadCaptions(folder.path() + "/" + name).status(), name, "can't read");
    ExpectError(ReadCaptions(folder.Write(name, "")).status(), name, "found no", "expected");
  }
  ExpectError(ReadCaptions(folder.path() + "/*.png").status(), "*.png", "found no such file");
}

TEST(ReadCaptionsTest, SurvivesDamagedFiles) {
  for (const char* name : {"shard.tar", "shard.tar.gz", "gnu.tar", "lines.jsonl", "table.csv"}) {
    testing::ExpectCopySurvivesDamage(
        std::string("testdata/goldens/captions/") + name, {},
        [](const std::string& path) { return ReadCaptions(path).status(); });
  }
}

}  // namespace
}  // namespace draftp
