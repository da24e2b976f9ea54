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
  return ReadCaptionCsv(folder.Write("a.csv", contents));
}

TEST(ReadCaptionCsvTest, ReadsWhatPythonWrote) {
  const auto expected = testing::ReadGolden("captions/expected.json");
  EXPECT_EQ(*ReadCaptionCsv("testdata/goldens/captions/table.csv"),
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

TEST(ReadCaptionCsvTest, RejectsColumnsOfNoOrSeveralMeanings) {
  ExpectError(ReadCsv("text,id\na,1\n").status(), "a.csv: line 1: found 2 columns without a name",
              "expected a first row");
  ExpectError(ReadCsv("caption,prompt\na,b\n").status(), "line 1: found 2 columns named",
              "expected one");
  ExpectError(ReadCsv("caption,caption\na,b\n").status(), "found 2 columns named");
}

TEST(ReadCaptionCsvTest, NamesTheLineOfABadRow) {
  ExpectError(ReadCsv("caption\na\n\"\"\n").status(), "a.csv: line 3: found an empty caption");
  ExpectError(ReadCsv("caption,id\n\"a\nb\",1\n\x01,2\n").status(), "line 4: found \"\\x01\"");
  ExpectError(ReadCsv("caption\n\xFF\n").status(), "line 2", "expected UTF-8");
  ExpectError(ReadCsv("caption\na, b\n").status(), "line 2: found 2 fields, expected 1");
}

TEST(ReadCaptionCsvTest, RejectsATableWithoutRows) {
  ExpectError(ReadCsv("caption,id\n").status(), "a.csv: found no caption",
              "expected at least one row");
}

}  // namespace
}  // namespace draftp
