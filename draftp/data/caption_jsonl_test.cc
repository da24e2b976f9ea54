// Lines of JSON and the keys that they must have.
#include "draftp/data/caption_jsonl.h"

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

absl::StatusOr<std::vector<std::string>> ReadJsonl(const std::string& contents) {
  const TestFolder folder;
  return ReadCaptionJsonl(folder.Write("a.jsonl", contents));
}

TEST(ReadCaptionJsonlTest, ReadsWhatPythonWrote) {
  const auto expected = testing::ReadGolden("captions/expected.json");
  EXPECT_EQ(*ReadCaptionJsonl("testdata/goldens/captions/lines.jsonl"),
            expected["captions"].get<std::vector<std::string>>());
}

TEST(ReadCaptionJsonlTest, TakesCaptionOrPromptOfEachLine) {
  EXPECT_THAT(
      *ReadJsonl("\xEF\xBB\xBF{\"caption\": \"a\"}\r\n\n \t\n{\"id\": 1, \"prompt\": \"b\\nc\"}"),
      ElementsAre("a", "b\nc"));
}

TEST(ReadCaptionJsonlTest, NamesTheLineThatIsWrong) {
  const std::string good = "{\"caption\": \"a\"}\n\n";
  ExpectError(ReadJsonl(good + "{\"caption\": ").status(), "a.jsonl: line 3: isn't valid JSON");
  ExpectError(ReadJsonl(good + "[]").status(), "line 3: found array, expected an object");
  ExpectError(ReadJsonl(good + "{\"text\": \"a\"}").status(), "line 3: found neither key");
  ExpectError(ReadJsonl(good + "{\"caption\": \"a\", \"prompt\": \"b\"}").status(),
              "line 3: found both");
  ExpectError(ReadJsonl(good + "{\"caption\": 3}").status(), "line 3: key caption: found number",
              "expected text");
  ExpectError(ReadJsonl(good + "{\"prompt\": null}").status(), "line 3: key prompt: found null");
  ExpectError(ReadJsonl(good + "{\"caption\": \"\\u0000\"}").status(), "line 3: found \"\\x00\"");
  ExpectError(ReadJsonl(good + "{\"caption\": \" \\u0007\"}").status(), "line 3",
              "control characters");
}

TEST(ReadCaptionJsonlTest, BoundsALine) {
  const std::string line = "{\"caption\": \"a\", \"more\": \"" + std::string(1 << 20, 'b') + "\"}";
  ExpectError(ReadJsonl(line).status(), "line 1: found 1048604 bytes", "expected at most 1048576");
}

TEST(ReadCaptionJsonlTest, RejectsAFileWithoutObjects) {
  ExpectError(ReadJsonl("\n \n").status(), "a.jsonl: found no caption");
}

}  // namespace
}  // namespace draftp
