// RFC 4180 rule by rule; a table by Python's csv is in text/caption_csv_test.cc.
#include "draftp/io/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;

using Rows = std::vector<std::vector<std::string>>;

absl::StatusOr<Rows> Parse(const std::string& text) {
  CsvReader reader("t.csv", text);
  Rows rows;
  for (;;) {
    const absl::StatusOr<bool> more = reader.Next();
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    rows.push_back(reader.fields());
  }
}

TEST(CsvReaderTest, SplitsFieldsAndRows) {
  EXPECT_THAT(*Parse("a,b\r\nc,d\n e ,f"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("c", "d"), ElementsAre(" e ", "f")));
}

TEST(CsvReaderTest, KeepsEmptyFields) {
  EXPECT_THAT(*Parse(",\n\"\",x\n,"),
              ElementsAre(ElementsAre("", ""), ElementsAre("", "x"), ElementsAre("", "")));
}

TEST(CsvReaderTest, QuotesHoldCommasLineEndsAndDoubledQuotes) {
  EXPECT_THAT(*Parse("\"a,b\",\"c\r\nd\"\n\"\"\"e\"\"\",\"\"\n"),
              ElementsAre(ElementsAre("a,b", "c\r\nd"), ElementsAre("\"e\"", "")));
}

TEST(CsvReaderTest, SkipsEmptyLinesAndAByteOrderMark) {
  EXPECT_THAT(*Parse("\xEF\xBB\xBF\n\r\na\n\n\nb\r\n"),
              ElementsAre(ElementsAre("a"), ElementsAre("b")));
  EXPECT_THAT(*Parse(""), IsEmpty());
  EXPECT_THAT(*Parse("\n\r\n"), IsEmpty());
}

TEST(CsvReaderTest, ACarriageReturnAloneIsText) {
  EXPECT_THAT(*Parse("a\rb\r\nc\r"), ElementsAre(ElementsAre("a\rb"), ElementsAre("c\r")));
}

TEST(CsvReaderTest, TellsTheLineThatARowBeginsAt) {
  CsvReader reader("t.csv", "\n\"a\nb\"\n\nc\n");
  ASSERT_TRUE(*reader.Next());
  EXPECT_EQ(reader.line(), 2);
  ASSERT_TRUE(*reader.Next());
  EXPECT_EQ(reader.line(), 5);
  EXPECT_FALSE(*reader.Next());
}

TEST(CsvReaderTest, RejectsQuotesOutOfPlace) {
  EXPECT_THAT(Parse("x\na \"b\"\n"), FailsWith("t.csv: line 2: found a quote within \"a \"\""));
  EXPECT_THAT(Parse("\"a\" b\n"), FailsWith("t.csv: line 1: found \" \" after a closing quote"));
  EXPECT_THAT(Parse("x\n\"a\nb\n"),
              FailsWith("t.csv: line 2: found a quoted field without an end"));
}

TEST(CsvReaderTest, RejectsRowsOfOtherLengths) {
  EXPECT_THAT(Parse("a,b\nc\n"), FailsWith("t.csv: line 2: found 1 fields, expected 2"));
  EXPECT_THAT(Parse("a\nb, c\n"), FailsWith("t.csv: line 2: found 2 fields, expected 1"));
}

TEST(CsvReaderTest, BoundsTheFieldsOfARow) {
  EXPECT_EQ(Parse(std::string(999, ','))->front().size(), 1000u);
  EXPECT_THAT(Parse(std::string(1000, ',')), FailsWith("found more than 1000 fields"));
}

}  // namespace
}  // namespace draftp
