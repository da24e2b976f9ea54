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

absl::StatusOr<std::vector<std::string>> ReadAll(const std::string& spec) {
  auto set = ReadCaptions(spec, EmptyCaptions::kSkip);
  if (!set.ok()) return set.status();
  return set->captions;
}

TEST(ReadCaptionsTest, ReadsEveryKindFileAfterFile) {
  const auto expected = testing::ReadGolden("captions/expected.json");
  const auto golden = expected["captions"].get<std::vector<std::string>>();
  const std::string folder = "testdata/goldens/captions/";
  const auto captions =
      ReadAll(folder + "{shard.tar,lines.jsonl}," + folder + "*.csv," + folder + "shard.tar.gz");
  ASSERT_TRUE(captions.ok()) << captions.status();
  ASSERT_EQ(captions->size(), 4 * golden.size());
  for (size_t i = 0; i < captions->size(); ++i)
    EXPECT_EQ((*captions)[i], golden[i % golden.size()]);
}

TEST(ReadCaptionsTest, ReadsTheEmbeddedModels) {
  const auto captions = ReadAll("testdata/tiny_sdxl/prompts/*.txt");
  ASSERT_TRUE(captions.ok()) << captions.status();
  EXPECT_GT(captions->size(), 100u);
}

TEST(ReadCaptionsTest, SortsWhatAPatternMatchesAndKeepsTheOrderOfTheSpec) {
  const TestFolder folder;
  for (const char* name : {"2", "10", "1"}) folder.Write(std::string(name) + ".txt", name);
  const std::string path = folder.path() + "/";
  EXPECT_THAT(*ReadAll(path + "*.txt"), ElementsAre("1", "10", "2"));
  EXPECT_THAT(*ReadAll(path + "{2,1}.txt," + path + "2.txt"), ElementsAre("2", "1", "2"));
}

// The original's model.data.webdataset.local_root_path.
TEST(ReadCaptionsTest, TakesTheFilesOfAFolder) {
  const TestFolder folder;
  folder.Write("b.txt", "b\n");
  folder.Write("a.csv", "caption\na\n");
  folder.Write(".c.txt", "c\n");
  folder.Write("readme.md", "d\n");
  std::filesystem::create_directory(folder.path() + "/e.txt");
  EXPECT_THAT(*ReadAll(folder.path()), ElementsAre("a", "b"));
  EXPECT_THAT(*ReadAll(folder.path() + "/"), ElementsAre("a", "b"));
  const TestFolder empty;
  ExpectError(ReadAll(empty.path()).status(), "found a folder without captions",
              "expected files that end in .tar");
}

TEST(ReadCaptionsTest, KnowsAKindInAnyCase) {
  const TestFolder folder;
  EXPECT_THAT(*ReadAll(folder.Write("A.TXT", "a\n")), ElementsAre("a"));
}

TEST(ReadCaptionsTest, RejectsOtherKindsBeforeReading) {
  const TestFolder folder;
  const std::string parquet = folder.Write("b.parquet", "PAR1");
  ExpectError(ReadAll("/nowhere/a.txt," + parquet).status(), "b.parquet: found a file of unknown",
              "expected a name that ends in .tar");
  ExpectError(ReadAll(folder.Write("captions", "a")).status(),
              "captions: found a file of unknown kind");
  ExpectError(ReadAll("/nowhere/captions").status(), "can't read");
}

TEST(ReadCaptionsTest, UnpacksEveryKind) {
  const TestFolder folder;
  // printf 'a\nb\n' | gzip -n
  constexpr char kGzip[] =
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\xe4\x4a\xe2\x02\x00\x97\x2a\x57\x18\x04\x00\x00"
      "\x00";
  const std::string bytes(kGzip, sizeof(kGzip) - 1);
  for (const char* name : {"a.txt.gz", "a.caption.GZ"})
    EXPECT_THAT(*ReadAll(folder.Write(name, bytes)), ElementsAre("a", "b")) << name;
  ExpectError(ReadAll(folder.Write("a.txt.gz", bytes.substr(0, 20))).status(),
              "a.txt.gz: found a cut gzip file");
  ExpectError(ReadAll(folder.Write("a.png.gz", bytes)).status(), "found a file of unknown kind");
}

TEST(ReadCaptionsTest, OfAFoldersTwinsOneCounts) {
  const TestFolder folder;
  for (const char* name : {"a.txt", "a.caption", "b.caption"}) folder.Write(name, name);
  folder.Write("a.json", "{\"caption\": \"c\"}");
  EXPECT_THAT(*ReadAll(folder.path()), ElementsAre("a.txt", "b.caption"));
  const TestFolder json;
  json.Write("a.json", "{\"caption\": \"c\"}");
  EXPECT_THAT(*ReadAll(json.path()), ElementsAre("c"));
}

TEST(ReadCaptionsTest, CountsWhatIsSkipped) {
  const TestFolder folder;
  const std::string a = folder.Write("a.txt", "a\n"), b = folder.Write("b.csv", "caption,id\n,1\n");
  folder.Write("c.txt", "");
  const auto set = ReadCaptions(folder.path(), EmptyCaptions::kSkip);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->captions, ElementsAre("a"));
  EXPECT_EQ(SkippedNotice(*set), "2 empty captions are skipped, the first in " + b + ": line 2");
  EXPECT_EQ(SkippedNotice(*ReadCaptions(a, EmptyCaptions::kSkip)), "");
  ExpectError(ReadAll(b).status(), "b.csv: found no caption but 1 empty one");
}

TEST(ReadCaptionsTest, RejectsAbsentAndEmptyFiles) {
  const TestFolder folder;
  for (const char* name : {"a.tar", "a.tar.gz", "a.txt", "a.jsonl", "a.json", "a.csv", "a.tsv"}) {
    ExpectError(ReadAll(folder.path() + "/" + name).status(), name, "can't read");
    ExpectError(ReadAll(folder.Write(name, "")).status(), name, "found no", "expected");
  }
  ExpectError(ReadAll(folder.path() + "/*.png").status(), "*.png", "found no such file");
}

TEST(ReadCaptionsTest, SurvivesDamagedFiles) {
  for (const char* name : {"shard.tar", "shard.tar.gz", "gnu.tar", "lines.jsonl", "table.csv"}) {
    testing::ExpectCopySurvivesDamage(
        std::string("testdata/goldens/captions/") + name, {},
        [](const std::string& path) { return ReadAll(path).status(); });
  }
}

}  // namespace
}  // namespace draftp
