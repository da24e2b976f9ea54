// Text files: line ends, marks, blank lines, bad bytes, JSON.
#include "draftp/data/caption_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "draftp/testing/corruption.h"
#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using testing::TestFolder;

absl::StatusOr<std::vector<std::string>> ReadText(const std::string& contents,
                                                  EmptyCaptions empty = EmptyCaptions::kKeep) {
  const TestFolder folder;
  auto set = ReadCaptionText(folder.Write("prompts.txt", contents), empty);
  if (!set.ok()) return set.status();
  return set->captions;
}

TEST(ReadCaptionTextTest, ReadsTheEmbeddedModels) {
  const auto prompts =
      ReadCaptionText("testdata/tiny_sdxl/prompts/validation.txt", EmptyCaptions::kSkip);
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  EXPECT_EQ(prompts->captions.front(),
            "a large orange square and a blue star on a yellow background");
}

TEST(ReadCaptionTextTest, LastLineNeedsNoEnd) {
  EXPECT_THAT(*ReadText("a\nb"), ElementsAre("a", "b"));
}

TEST(ReadCaptionTextTest, SplitsAtLineFeedsAlone) {
  EXPECT_THAT(*ReadText("a\u2028b\u0085c\fd\ve\rf\ng"),
              ElementsAre("a\u2028b\u0085c\fd\ve\rf", "g"));
}

TEST(ReadCaptionTextTest, DropsTheCarriageReturnOfALineEnd) {
  EXPECT_THAT(*ReadText("a\r\nb\r\r\nc\r"), ElementsAre("a", "b\r", "c"));
}

TEST(ReadCaptionTextTest, DropsAByteOrderMarkAtTheStartOnly) {
  EXPECT_THAT(*ReadText("\uFEFFa\n\uFEFFb\n"), ElementsAre("a", "\uFEFFb"));
}

TEST(ReadCaptionTextTest, SkipsBlankLinesAndKeepsOthersAsTheyAre) {
  EXPECT_THAT(*ReadText("\n a \n\n \t\r\nb\n\n"), ElementsAre(" a ", "b"));
}

TEST(ReadCaptionTextTest, RejectsAnEmptySet) {
  for (const char* contents : {"", "\n\n", "\uFEFF", " \r\n"}) {
    ExpectError(ReadText(contents).status(), "prompts.txt", "found no caption",
                "expected at least one");
  }
}

TEST(ReadCaptionTextTest, NamesTheLineThatIsNotUtf8) {
  ExpectError(ReadText("a\n\nb\xFF\n").status(), "prompts.txt: line 3", "found \"b\\xff\"",
              "expected UTF-8");
  ExpectError(ReadText("\xFF\xFE"
                       "a")
                  .status(),
              "line 1", "expected UTF-8");  // UTF-16
}

TEST(ReadCaptionTextTest, ControlCharactersStayButForNull) {
  EXPECT_THAT(*ReadText("a\x01\x1b[2Jb\tc"), ElementsAre("a\x01\x1b[2Jb\tc"));
  ExpectError(ReadText(std::string("a\nb\0c\n", 6)).status(), "line 2", "found \"b\\x00c\"",
              "expected text without null characters");
}

// Drawn as a caption, it would be a picture of braces.
TEST(ReadCaptionTextTest, RejectsJson) {
  ExpectError(ReadText("a\n{\"prompt\": \"b\"}\n").status(), "line 2: found JSON",
              "expected a caption");
  ExpectError(ReadText("[\"a\", \"b\"]").status(), "prompts.txt: found JSON");
  ExpectError(ReadText("[\n  {\"prompt\": \"a\"}\n]\n").status(), "prompts.txt: found JSON");
  EXPECT_THAT(*ReadText("{a|b} cat\n[cat:dog:0.5]\n[1]\n{}\n"),
              ElementsAre("{a|b} cat", "[cat:dog:0.5]", "[1]", "{}"));
}

TEST(ReadCaptionTextTest, CountsWhatSaysNothing) {
  const TestFolder folder;
  const std::string path = folder.Write("a.txt", "a\n\n \x01\x02 \nb\n\u200b\n");
  const auto skipped = ReadCaptionText(path, EmptyCaptions::kSkip);
  EXPECT_THAT(skipped->captions, ElementsAre("a", "b"));
  EXPECT_EQ(skipped->skipped, 2);
  EXPECT_EQ(skipped->first_skipped, path + ": line 3");
  EXPECT_EQ(ReadCaptionText(path, EmptyCaptions::kKeep)->captions.size(), 4u);
  const auto blank = ReadCaptionText(folder.Write("b.txt", "\n"), EmptyCaptions::kSkip);
  EXPECT_EQ(blank->skipped, 1);
}

TEST(ReadCaptionTextTest, BoundsTheLengthOfACaption) {
  EXPECT_TRUE(ReadText(std::string(256 << 10, 'a')).ok());
  ExpectError(ReadText("a\n" + std::string((256 << 10) + 1, 'a')).status(), "line 2",
              "found a caption of 262145 bytes", "expected at most 262144");
}

TEST(ReadCaptionTextTest, BoundsTheNumberOfCaptions) {
  std::string many;
  for (int i = 0; i < 4'000'001; ++i) many += "a\n";
  ExpectError(ReadText(many).status(), "prompts.txt: found more than 4000000 captions");
}

TEST(ReadCaptionTextTest, RejectsAnAbsentFile) {
  ExpectError(ReadCaptionText("none.txt", EmptyCaptions::kSkip).status(), "none.txt");
}

TEST(ReadCaptionTextTest, SurvivesDamagedFiles) {
  const auto tally = testing::ExpectCopySurvivesDamage(
      "testdata/tiny_sdxl/prompts/validation.txt", {},
      [](const std::string& path) { return ReadCaptionText(path, EmptyCaptions::kKeep).status(); });
  EXPECT_GT(tally.legal_truncated, 90u);  // fewer captions are captions
}

}  // namespace
}  // namespace draftp
