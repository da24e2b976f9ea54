// Lines, arrays and objects of JSON, and the keys that they must have.
#include "draftp/data/caption_json.h"

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
  auto set = ReadCaptionJson(folder.Write("a.jsonl", contents), EmptyCaptions::kSkip);
  if (!set.ok()) return set.status();
  return set->captions;
}

TEST(ReadCaptionJsonTest, ReadsWhatPythonWrote) {
  const auto expected = testing::ReadGolden("captions/expected.json");
  EXPECT_EQ(
      ReadCaptionJson("testdata/goldens/captions/lines.jsonl", EmptyCaptions::kSkip)->captions,
      expected["captions"].get<std::vector<std::string>>());
}

TEST(ReadCaptionJsonTest, TakesTheCaptionOfEachLine) {
  EXPECT_THAT(
      *ReadJsonl("\xEF\xBB\xBF{\"caption\": \"a\"}\r\n\n \t\n{\"id\": 1, \"prompt\": \"b\\nc\"}"),
      ElementsAre("a", "b\nc"));
  EXPECT_THAT(*ReadJsonl("{\"file_name\": \"0.png\", \"text\": \"a\"}\n{\"Prompt\": \"b\"}"),
              ElementsAre("a", "b"));
}

TEST(ReadCaptionJsonTest, TakesAnArrayOrAnObjectOfOne) {
  EXPECT_THAT(*ReadJsonl(" [\n\"a\",\n {\"prompt\": \"b\", \"id\": 1}]\n"), ElementsAre("a", "b"));
  EXPECT_THAT(*ReadJsonl("{\n \"prompts\": [\"a\", \"b\"]\n}"), ElementsAre("a", "b"));
  EXPECT_THAT(*ReadJsonl("{\n \"caption\": \"a\"\n}"), ElementsAre("a"));
  ExpectError(ReadJsonl("[\"a\", 3]").status(), "a.jsonl: item 2: found number");
  ExpectError(ReadJsonl("[\"a\", {\"id\": 3}]").status(), "item 2: found none of the keys");
  ExpectError(ReadJsonl("[\"a\"").status(), "a.jsonl: isn't valid JSON");
  ExpectError(ReadJsonl("[]").status(), "a.jsonl: found no caption");
  ExpectError(ReadJsonl("{\"1\": \"a\", \"2\": \"b\"}").status(), "found none of the keys");
}

TEST(ReadCaptionJsonTest, CountsEmptyCaptions) {
  const TestFolder folder;
  const std::string path = folder.Write("a.json", "[\"\", \"a\", {\"text\": \" \"}]");
  const auto set = ReadCaptionJson(path, EmptyCaptions::kSkip);
  EXPECT_THAT(set->captions, ElementsAre("a"));
  EXPECT_EQ(set->skipped, 2);
  EXPECT_EQ(set->first_skipped, path + ": item 1");
  EXPECT_THAT(ReadCaptionJson(path, EmptyCaptions::kKeep)->captions, ElementsAre("", "a", " "));
}

TEST(ReadCaptionJsonTest, NamesTheLineThatIsWrong) {
  const std::string good = "{\"caption\": \"a\"}\n\n";
  ExpectError(ReadJsonl(good + "{\"caption\": ").status(), "a.jsonl: line 3: isn't valid JSON");
  ExpectError(ReadJsonl(good + "[]").status(), "line 3: found array, expected an object");
  ExpectError(ReadJsonl(good + "{\"topic\": \"a\"}").status(), "line 3: found none of the keys");
  ExpectError(ReadJsonl(good + "{\"caption\": \"a\", \"prompt\": \"b\"}").status(),
              "line 3: found both");
  ExpectError(ReadJsonl(good + "{\"caption\": 3}").status(), "line 3: key caption: found number",
              "expected text");
  ExpectError(ReadJsonl(good + "{\"prompt\": null}").status(), "line 3: key prompt: found null");
  ExpectError(ReadJsonl(good + "{\"caption\": \"\\u0000\"}").status(), "line 3: found \"\\x00\"");
}

TEST(ReadCaptionJsonTest, BoundsALine) {
  const std::string line = "{\"caption\": \"a\", \"more\": \"" + std::string(1 << 20, 'b') + "\"}";
  ExpectError(ReadJsonl("{\"caption\": \"a\"}\n" + line).status(), "line 2: found 1048604 bytes",
              "expected at most 1048576");
}

TEST(ReadCaptionJsonTest, RejectsAFileWithoutObjects) {
  ExpectError(ReadJsonl("\n \n").status(), "a.jsonl: found no caption");
}

}  // namespace
}  // namespace draftp
