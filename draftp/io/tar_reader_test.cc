// Archives of several writers, damaged ones, and the limits.
#include "draftp/io/tar_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "draftp/io/test_files.h"
#include "draftp/io/test_tar.h"
#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::TarEnd;
using testing::TarEntry;
using testing::TemporaryFolder;

using Members = std::vector<std::pair<std::string, std::string>>;

absl::StatusOr<Members> ReadAll(absl::StatusOr<TarReader> tar) {
  if (!tar.ok()) return tar.status();
  Members members;
  for (;;) {
    const absl::StatusOr<std::optional<TarMember>> member = tar->Next();
    if (!member.ok()) return member.status();
    if (!*member) return members;
    const absl::StatusOr<std::string> contents = tar->Read(4096);
    if (!contents.ok()) return contents.status();
    members.emplace_back((*member)->name, *contents);
  }
}

absl::StatusOr<Members> ReadBytes(const std::string& bytes) {
  return ReadAll(TarReader::OpenMemory("a.tar", bytes));
}

TEST(TarReaderTest, ReadsMembersInOrder) {
  const std::string tar = TarEntry("b/one.txt", "1") + TarEntry("a", std::string(1000, 'x')) +
                          TarEntry("empty", "") + TarEnd();
  EXPECT_THAT(*ReadBytes(tar), ElementsAre(Pair("b/one.txt", "1"),
                                           Pair("a", std::string(1000, 'x')), Pair("empty", "")));
}

TEST(TarReaderTest, MembersNeedNotBeRead) {
  const std::string bytes = TarEntry("a", std::string(5000, 'x')) + TarEntry("b", "2") + TarEnd();
  absl::StatusOr<TarReader> tar = TarReader::OpenMemory("a.tar", bytes);
  ASSERT_TRUE(tar.ok());
  EXPECT_EQ((**tar->Next()).size, 5000);
  EXPECT_EQ((**tar->Next()).name, "b");
  EXPECT_EQ(*tar->Read(1), "2");
  EXPECT_FALSE(tar->Next()->has_value());
}

TEST(TarReaderTest, PassesOverWhatIsNoFile) {
  const std::string tar =
      TarEntry("folder", "", '5') + TarEntry("link.txt", "", '2') + TarEntry("a", "1") + TarEnd();
  EXPECT_THAT(*ReadBytes(tar), ElementsAre(Pair("a", "1")));
}

TEST(TarReaderTest, CountsLinksAndDevices) {
  const std::string bytes = TarEntry("hard", "", '1') + TarEntry("soft", "", '2') +
                            TarEntry("folder", "", '5') + TarEntry("pipe", "", '6') +
                            TarEntry("a", "1") + TarEnd();
  absl::StatusOr<TarReader> tar = TarReader::OpenMemory("a.tar", bytes);
  EXPECT_EQ((**tar->Next()).name, "a");
  EXPECT_EQ(tar->passed_over(), 3);
}

TEST(TarReaderTest, TakesNamesOfPaxAndOfAnyBytes) {
  const std::string pax = "24 path=\u00fc/\u732b long.txt\n";
  ASSERT_EQ(pax.size(), 24u);
  const std::string tar =
      TarEntry("h", pax, 'x') + TarEntry("short", "1") + TarEntry("\xFF.txt", "2") + TarEnd();
  EXPECT_THAT(*ReadBytes(tar),
              ElementsAre(Pair("\u00fc/\u732b long.txt", "1"), Pair("\xFF.txt", "2")));
}

TEST(TarReaderTest, ReadsThroughGzipAsPlain) {
  const std::string folder = "testdata/goldens/captions/";
  const auto plain = ReadAll(TarReader::Open(folder + "shard.tar"));
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->size(), 15u);
  EXPECT_EQ(*ReadAll(TarReader::Open(folder + "shard.tar.gz")), *plain);
}

TEST(TarReaderTest, AnArchiveOfNothingIsOne) { EXPECT_THAT(*ReadBytes(TarEnd()), IsEmpty()); }

TEST(TarReaderTest, RejectsWhatIsNoTar) {
  for (const std::string& bytes :
       {std::string(), std::string("caption\n"), std::string(1024, 'a'), std::string(511, '\0')}) {
    EXPECT_THAT(ReadBytes(bytes), FailsWith("a.tar: found "));
  }
}

TEST(TarReaderTest, RejectsAnArchiveWithoutItsEnd) {
  const std::string tar = TarEntry("a", "1") + TarEntry("b", "2");
  EXPECT_THAT(ReadBytes(tar),
              FailsWith("found its end after 2048 bytes without the mark of an end"));
  EXPECT_THAT(ReadBytes(tar + std::string(512, '\0')), ::testing::Truly([](const auto& members) {
                return members.ok();  // one block of zeros does
              }));
}

TEST(TarReaderTest, RejectsAMemberThatIsCutShort) {
  const std::string tar = TarEntry("a", std::string(3000, 'x'));
  EXPECT_THAT(ReadBytes(tar.substr(0, 2000)),
              FailsWith("found member \"a\" cut short of its 3000 bytes, expected a whole"));
}

TEST(TarReaderTest, NeverTrustsASize) {
  const size_t huge = 077777777777;
  const std::string tar = TarEntry("a", "1", '0', huge) + TarEnd();
  EXPECT_THAT(ReadBytes(tar), FailsWith("member \"a\": found 8589934591 bytes, expected at most"));
  absl::StatusOr<TarReader> skipped = TarReader::OpenMemory("a.tar", tar);
  ASSERT_TRUE(skipped->Next().ok());
  EXPECT_THAT(skipped->Next(), FailsWith("a.tar: found"));
  const TemporaryFolder folder;  // from a file, which seeks instead
  absl::StatusOr<TarReader> file = TarReader::Open(folder.Write("b.tar", tar));
  ASSERT_TRUE(file->Next().ok());
  EXPECT_THAT(file->Next(), FailsWith("b.tar: found"));
}

TEST(TarReaderTest, RejectsANegativeSize) {
  EXPECT_THAT(ReadBytes(TarEntry("a", "1", 'S') + TarEnd()),
              FailsWith("a.tar: found member \"a\" of -1 bytes, expected a whole tar archive"));
  const auto pax = [](const std::string& record) {
    return TarEntry("h", record, 'x') + TarEntry("a", "1") + TarEnd();
  };
  for (const char* record : {"11 size=-1\n", "28 GNU.sparse.realsize=-123\n",
                             "29 GNU.sparse.realsize=-1234\n", "24 GNU.sparse.size=-123\n"}) {
    absl::StatusOr<TarReader> tar = TarReader::OpenMemory("a.tar", pax(record));
    const auto member = tar->Next();
    EXPECT_TRUE(!member.ok() || (**member).size >= 0) << record;
  }
  const auto found = ReadAll(TarReader::Open("testdata/fuzz/tar_reader/negative_size"));
  EXPECT_THAT(found, FailsWith("negative_size: found "));
}

TEST(TarReaderTest, RejectsAHeaderWithAWrongChecksum) {
  std::string tar = TarEntry("a", "1") + TarEntry("b", "2") + TarEnd();
  tar[1024] = 'c';
  EXPECT_THAT(ReadBytes(tar), FailsWith("found damage after member \"a\" ("));
}

TEST(TarReaderTest, RejectsCompressionOfCompression) {
  EXPECT_THAT(ReadAll(TarReader::Open("testdata/goldens/captions/twice.tar.gz")),
              FailsWith("found several layers of compression"));
}

TEST(TarReaderTest, SurvivesDamagedFiles) {
  for (const char* name : {"shard.tar", "gnu.tar", "shard.tar.gz"}) {
    const std::string path = std::string("testdata/goldens/captions/") + name;
    testing::ExpectCopySurvivesDamage(
        path, {}, [](const std::string& copy) { return ReadAll(TarReader::Open(copy)).status(); });
  }
}

TEST(TarReaderTest, EveryCutIsSeen) {
  const std::string tar = testing::Contents("testdata/goldens/captions/shard.tar").substr(0, 33280);
  ASSERT_TRUE(ReadBytes(tar).ok());  // with one block of its end
  for (size_t size = 0; size < tar.size(); size += 256) {
    EXPECT_FALSE(ReadBytes(tar.substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace draftp
