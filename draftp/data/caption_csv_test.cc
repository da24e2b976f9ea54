// Which column holds captions.
#include "draftp/data/caption_csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using testing::TestFolder;

absl::StatusOr<std::vector<std::string>> ReadCsv(const std::string& contents) {
  const TestFolder folder;
  auto set = ReadCaptionCsv(folder.Write("a.csv", contents), EmptyCaptions::kSkip);
  if (!set.ok()) return set.status();
  return set->captions;
}

TEST(ReadCaptionCsvTest, ReadsWhatPythonWrote) {
  const auto expected = testing::ReadGolden("captions/expected.json");
  EXPECT_EQ(ReadCaptionCsv("testdata/goldens/captions/table.csv", EmptyCaptions::kSkip)->captions,
            expected["captions"].get<std::vector<std::string>>());
}

TEST(ReadCaptionCsvTest, TakesTheNamedColumn) {
  EXPECT_THAT(*ReadCsv("id,caption\n1,a\n2,b\n"), ElementsAre("a", "b"));
  EXPECT_THAT(*ReadCsv("prompt,id\r\n\"a, b\",2\r\n"), ElementsAre("a, b"));
  EXPECT_THAT(*ReadCsv("\"caption\"\na\n"), ElementsAre("a"));
}

TEST(ReadCaptionCsvTest, TakesASingleColumnWithoutAName) {
  EXPECT_THAT(*ReadCsv("a red circle\n\"a, b\"\n\nc"), ElementsAre("a red circle", "a, b", "c"));
}

TEST(ReadCaptionCsvTest, KnowsNamesInAnyCaseAndNumber) {
  for (const char* name : {"Prompts", "CAPTION", "text", " Prompt ", "TEXTS"})
    EXPECT_THAT(*ReadCsv(std::string(name) + "\na red circle\n"), ElementsAre("a red circle"));
  EXPECT_THAT(*ReadCsv("file_name,text\n1.png,a\n"), ElementsAre("a"));
}

TEST(ReadCaptionCsvTest, FindsTheSeparator) {
  EXPECT_THAT(*ReadCsv("id;Prompt\n1;a, b\n2;c\n"), ElementsAre("a, b", "c"));
  EXPECT_THAT(*ReadCsv("id|caption\n1|a\n"), ElementsAre("a"));
  EXPECT_THAT(*ReadCsv("caption\tid\na, b\t1\n"), ElementsAre("a, b"));
  EXPECT_THAT(*ReadCsv("Prompt\tCategory\na sign that says \"hi\"\tx\n\"a\tb\"\ty\n\"c\" d\tz\n"),
              ElementsAre("a sign that says \"hi\"", "a\tb", "\"c\" d"));
}

TEST(ReadCaptionCsvTest, RejectsColumnsOfNoOrSeveralMeanings) {
  ExpectError(ReadCsv("topic,id\na,1\n").status(), "a.csv: line 1: found 2 columns without a name",
              "expected a first row");
  ExpectError(ReadCsv("caption,prompt\na,b\n").status(), "line 1: found 2 columns named",
              "expected one");
  ExpectError(ReadCsv("caption,Caption\na,b\n").status(), "found 2 columns named");
}

// Taken for a caption, each would be trained on or drawn.
TEST(ReadCaptionCsvTest, RejectsAFirstRowThatMayBeAName) {
  for (const char* name : {"description", "cat", "image_caption", "Positive Prompt", "prompt_en"})
    ExpectError(ReadCsv(std::string(name) + "\na red circle\n").status(), "line 1: found \"",
                "may be the name of the column");
  ExpectError(ReadCsv("id;topic\n1;a\n").status(), "found columns without a name", "\"topic\"");
  ExpectError(ReadCsv("a red circle\tx y z\n").status(), "found columns without a name");
  EXPECT_THAT(*ReadCsv("a cat; a red dog\nb\n"), ElementsAre("a cat; a red dog", "b"));
}

TEST(ReadCaptionCsvTest, CountsEmptyCaptions) {
  const TestFolder folder;
  const std::string path = folder.Write("a.csv", "caption,id\na,1\n,2\n\x01,3\n");
  const auto set = ReadCaptionCsv(path, EmptyCaptions::kSkip);
  EXPECT_THAT(set->captions, ElementsAre("a"));
  EXPECT_EQ(set->skipped, 2);
  EXPECT_EQ(set->first_skipped, path + ": line 3");
  EXPECT_THAT(ReadCaptionCsv(path, EmptyCaptions::kKeep)->captions, ElementsAre("a", "", "\x01"));
}

TEST(ReadCaptionCsvTest, NamesTheLineOfABadRow) {
  ExpectError(ReadCsv("caption,id\n\"a\nb\",1\n\xFF,2\n").status(), "line 4: found \"\\xff\"");
  ExpectError(ReadCsv("caption\n\xFF\n").status(), "line 2", "expected UTF-8");
  ExpectError(ReadCsv("caption\na, b\n").status(), "line 2: found 2 fields, expected 1");
}

TEST(ReadCaptionCsvTest, RejectsATableWithoutRows) {
  ExpectError(ReadCsv("caption,id\n").status(), "a.csv: found no caption",
              "expected at least one row");
}

}  // namespace
}  // namespace draftp
