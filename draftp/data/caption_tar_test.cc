// Which members of a shard are captions.
#include "draftp/data/caption_tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "draftp/io/test_tar.h"
#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::ExpectError;
using testing::TarEnd;
using testing::TarEntry;
using testing::TestFolder;

absl::StatusOr<std::vector<std::string>> ReadTar(const std::string& members) {
  const TestFolder folder;
  auto set = ReadCaptionTar(folder.Write("a.tar", members + TarEnd()), EmptyCaptions::kSkip);
  if (!set.ok()) return set.status();
  return set->captions;
}

TEST(ReadCaptionTarTest, FindsWhatWebdatasetFinds) {
  const auto expected = testing::ReadGolden("captions/expected.json");
  for (const char* name : {"shard.tar", "gnu.tar"}) {
    const auto captions =
        ReadCaptionTar(std::string("testdata/goldens/captions/") + name, EmptyCaptions::kSkip);
    ASSERT_TRUE(captions.ok()) << captions.status();
    EXPECT_EQ(captions->captions, expected[name].get<std::vector<std::string>>());
  }
}

TEST(ReadCaptionTarTest, TakesKeyTxtAlone) {
  EXPECT_THAT(
      *ReadTar(TarEntry("b.txt", "1") + TarEntry("a.jpg", "\xFF") + TarEntry("c.d/e.TXT", "2") +
               TarEntry("f.seg.txt", "3") + TarEntry(".txt", "4") + TarEntry("txt", "5") +
               TarEntry("./g.txt", "6") + TarEntry("h.txt.gz", "7") + TarEntry("._b.txt", "8")),
      ElementsAre("1", "2", "6"));
}

TEST(ReadCaptionTarTest, DropsOneLineEndAndAByteOrderMark) {
  EXPECT_THAT(*ReadTar(TarEntry("a.txt", "\xEF\xBB\xBF one \n") + TarEntry("b.txt", "two\r\n") +
                       TarEntry("c.txt", "three\n\n")),
              ElementsAre(" one ", "two", "three\n"));
}

TEST(ReadCaptionTarTest, TakesKeyCaption) {
  EXPECT_THAT(*ReadTar(TarEntry("a.caption", "1") + TarEntry("b.txt", "2")), ElementsAre("1", "2"));
}

// As img2dataset writes both, and as shards of metadata alone are.
TEST(ReadCaptionTarTest, TakesKeyJsonWhereThereIsNoText) {
  const std::string json = "{\"caption\": \"1\", \"width\": 3}";
  EXPECT_THAT(*ReadTar(TarEntry("a.jpg", "") + TarEntry("a.json", json) +
                       TarEntry("b.JSON", "{\"text\": \"2\"}\n")),
              ElementsAre("1", "2"));
  EXPECT_THAT(
      *ReadTar(TarEntry("a.json", json) + TarEntry("a.txt", "3") + TarEntry("b.json", "{}")),
      ElementsAre("3"));
  ExpectError(ReadTar(TarEntry("a.json", json) + TarEntry("b.json", "{\"url\": 1}")).status(),
              "a.tar: member \"b.json\": found none of the keys");
  ExpectError(ReadTar(TarEntry("a.json", "{")).status(), "member \"a.json\": isn't valid JSON");
}

TEST(ReadCaptionTarTest, CountsEmptyMembers) {
  const TestFolder folder;
  const std::string path =
      folder.Write("a.tar", TarEntry("f/a.txt", "\n") + TarEntry("f/b.txt", "1") +
                                TarEntry("f/c.txt", "\x1b\t") + TarEnd());
  const auto set = ReadCaptionTar(path, EmptyCaptions::kSkip);
  EXPECT_THAT(set->captions, ElementsAre("1"));
  EXPECT_EQ(set->skipped, 2);
  EXPECT_EQ(set->first_skipped, path + ": member \"f/a.txt\"");
  EXPECT_THAT(ReadCaptionTar(path, EmptyCaptions::kKeep)->captions, ElementsAre("", "1", "\x1b\t"));
}

TEST(ReadCaptionTarTest, NamesTheMemberWhoseCaptionIsNone) {
  ExpectError(ReadTar(TarEntry("f/a.txt", "\xFF")).status(), "member \"f/a.txt\"",
              "expected UTF-8");
}

TEST(ReadCaptionTarTest, BoundsACaption) {
  EXPECT_TRUE(ReadTar(TarEntry("a.txt", std::string(256 << 10, 'a') + "\r\n")).ok());
  ExpectError(ReadTar(TarEntry("a.txt", std::string((256 << 10) + 1, 'a'))).status(),
              "member \"a.txt\"", "found a caption of 262145 bytes", "expected at most 262144");
  ExpectError(ReadTar(TarEntry("a.txt", std::string(1 << 20, 'a'))).status(),
              "found 1048576 bytes");
}

// As webdataset has it.
TEST(ReadCaptionTarTest, AKeyHasOneCaption) {
  for (const char* again : {"a.txt", "a.TXT"}) {
    ExpectError(
        ReadTar(TarEntry("a.txt", "1") + TarEntry("a.jpg", "") + TarEntry(again, "2")).status(),
        "a.tar: found a second member", again, "expected one caption a key");
  }
  EXPECT_THAT(*ReadTar(TarEntry("a.txt", "1") + TarEntry("b.txt", "2") + TarEntry("a.txt", "3") +
                       TarEntry("f/a.txt", "4")),
              ElementsAre("1", "2", "3", "4"));
}

TEST(ReadCaptionTarTest, SaysSoWhereThereAreLinksAlone) {
  for (const char type : {'1', '2', '3', '4', '6'}) {
    EXPECT_THAT(*ReadTar(TarEntry("a.txt", "", type) + TarEntry("b.txt", "2")), ElementsAre("2"));
    ExpectError(ReadTar(TarEntry("a.txt", "", type)).status(),
                "a.tar: found no caption and 1 links");
  }
}

TEST(ReadCaptionTarTest, RejectsAShardWithoutCaptions) {
  ExpectError(ReadTar(TarEntry("a.jpg", "1")).status(), "a.tar: found no caption",
              "expected members named KEY.txt");
}

}  // namespace
}  // namespace draftp
