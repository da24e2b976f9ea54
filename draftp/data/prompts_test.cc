// Prompt files: line ends, marks, blank lines, bad bytes.
#include "draftp/data/prompts.h"

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

absl::StatusOr<std::vector<std::string>> Read(const std::string& contents) {
  const TestFolder folder;
  return ReadPrompts(folder.Write("prompts.txt", contents));
}

TEST(ReadPromptsTest, ReadsTheEmbeddedModels) {
  const auto prompts = ReadPrompts("testdata/tiny_sdxl/prompts/validation.txt");
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  EXPECT_EQ(prompts->front(), "a large orange square and a blue star on a yellow background");
}

TEST(ReadPromptsTest, LastLineNeedsNoEnd) { EXPECT_THAT(*Read("a\nb"), ElementsAre("a", "b")); }

TEST(ReadPromptsTest, SplitsAtLineFeedsAlone) {
  EXPECT_THAT(*Read("a\u2028b\u0085c\fd\ve\rf\ng"), ElementsAre("a\u2028b\u0085c\fd\ve\rf", "g"));
}

TEST(ReadPromptsTest, DropsTheCarriageReturnOfALineEnd) {
  EXPECT_THAT(*Read("a\r\nb\r\r\nc\r"), ElementsAre("a", "b\r", "c"));
}

TEST(ReadPromptsTest, DropsAByteOrderMarkAtTheStartOnly) {
  EXPECT_THAT(*Read("\uFEFFa\n\uFEFFb\n"), ElementsAre("a", "\uFEFFb"));
}

TEST(ReadPromptsTest, SkipsBlankLinesAndKeepsOthersAsTheyAre) {
  EXPECT_THAT(*Read("\n a \n\n \t\r\nb\n\n"), ElementsAre(" a ", "b"));
}

TEST(ReadPromptsTest, RejectsAnEmptySet) {
  for (const char* contents : {"", "\n\n", "\uFEFF", " \r\n"}) {
    ExpectError(Read(contents).status(), "prompts.txt", "found no caption",
                "expected at least one");
  }
}

TEST(ReadPromptsTest, NamesTheLineThatIsNotUtf8) {
  ExpectError(Read("a\n\nb\xFF\n").status(), "prompts.txt: line 3", "found \"b\\xff\"",
              "expected UTF-8");
  ExpectError(Read("\xFF\xFE"
                   "a")
                  .status(),
              "line 1", "expected UTF-8");  // UTF-16
}

TEST(ReadPromptsTest, ControlCharactersStayButForNull) {
  EXPECT_THAT(*Read("a\x01\x1b[2Jb\tc"), ElementsAre("a\x01\x1b[2Jb\tc"));
  ExpectError(Read(std::string("a\nb\0c\n", 6)).status(), "line 2", "found \"b\\x00c\"",
              "expected text without null characters");
}

TEST(ReadPromptsTest, BoundsTheLengthOfACaption) {
  EXPECT_TRUE(Read(std::string(256 << 10, 'a')).ok());
  ExpectError(Read("a\n" + std::string((256 << 10) + 1, 'a')).status(), "line 2",
              "found a caption of 262145 bytes", "expected at most 262144");
}

TEST(ReadPromptsTest, BoundsTheNumberOfCaptions) {
  std::string many;
  for (int i = 0; i < 4'000'001; ++i) many += "a\n";
  ExpectError(Read(many).status(), "prompts.txt: found more than 4000000 captions");
}

TEST(ReadPromptsTest, RejectsAnAbsentFile) {
  ExpectError(ReadPrompts("none.txt").status(), "none.txt");
}

TEST(ReadPromptsTest, SurvivesDamagedFiles) {
  const auto tally = testing::ExpectCopySurvivesDamage(
      "testdata/tiny_sdxl/prompts/validation.txt", {},
      [](const std::string& path) { return ReadPrompts(path).status(); });
  EXPECT_GT(tally.legal_truncated, 90u);  // fewer captions are captions
}

}  // namespace
}  // namespace draftp
