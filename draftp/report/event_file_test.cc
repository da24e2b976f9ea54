// Event files byte for byte as TensorBoard's writer has them, and what a reader finds.
#include "draftp/report/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "draftp/io/test_files.h"
#include "draftp/report/crc32c.h"

namespace draftp {
namespace {

using testing::Contents;
using testing::FailsWith;
using ::testing::SizeIs;
using testing::TemporaryFolder;

constexpr double kStart = 1700000000.25;
const std::string kGoldens = "testdata/goldens/events/";

// As testdata/generate/event_file.py has them.
std::string WriteSample(const std::string& folder) {
  absl::StatusOr<EventFile> events = EventFile::Open(folder, kStart);
  EXPECT_TRUE(events.ok()) << events.status();
  const std::string png = Contents("testdata/goldens/png_rgb.png");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(events->AddScalar("train/reward", 0, kStart + 1, 0.1).ok());
  EXPECT_TRUE(events->AddScalar("train/reward", 1, kStart + 2, -2.5).ok());
  EXPECT_TRUE(events->AddScalar("train/kl", 1, kStart + 2, 0).ok());
  EXPECT_TRUE(events->AddScalar("train/reward", 300, kStart + 3.5, infinity).ok());
  EXPECT_TRUE(events->AddImage("validation/größe", 300, kStart + 4, png, 7, 5).ok());
  EXPECT_TRUE(events->AddScalar("train/reward", int64_t{1} << 40, kStart + 5, 1e-30).ok());
  return events->path();  // not closed: each event is in the file at once
}

template <class T>
T LittleEndian(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

uint32_t Unmasked(uint32_t masked) { return std::rotl(masked - 0xA282EAD8u, 15); }

// The whole records of a file, whose checksums must hold.
std::vector<std::string> Records(const std::string& file) {
  std::vector<std::string> records;
  for (size_t at = 0; file.size() - at >= 12;) {
    const auto length = LittleEndian<uint64_t>(file, at);
    EXPECT_EQ(Unmasked(LittleEndian<uint32_t>(file, at + 8)), Crc32c(file.substr(at, 8)));
    if (file.size() - at < length + 16) break;  // torn
    records.push_back(file.substr(at + 12, length));
    EXPECT_EQ(Unmasked(LittleEndian<uint32_t>(file, at + 12 + length)), Crc32c(records.back()));
    at += length + 16;
  }
  return records;
}

TEST(EventFileTest, WritesWhatTensorBoardsWriterDoes) {
  const TemporaryFolder folder;
  EXPECT_EQ(Contents(WriteSample(folder.path())),
            Contents(kGoldens + "events.out.tfevents.1700000000.host.1.0"));
}

TEST(EventFileTest, SettingsAreWhatTensorBoardsWriterHas) {
  const TemporaryFolder folder;
  absl::StatusOr<EventFile> events = EventFile::Open(folder.path(), kStart);
  ASSERT_TRUE(events.ok());
  ASSERT_TRUE(events
                  ->AddHparams(kStart + 1,
                               {{"objective", std::string("größe")}, {"lr", 0.002}, {"ema", false}})
                  .ok());
  ASSERT_TRUE(events->AddText("settings", 3, kStart + 2, "    lr  0.002\n").ok());
  EXPECT_EQ(Contents(events->path()),
            Contents("testdata/goldens/event_settings/events.out.tfevents.1700000000.host.1.0"));
}

TEST(EventFileTest, ARunThatGoesOnSaysFromWhichStep) {
  const TemporaryFolder folder;
  absl::StatusOr<EventFile> events = EventFile::Open(folder.path(), kStart + 60, 1);
  ASSERT_TRUE(events.ok());
  ASSERT_TRUE(events->AddScalar("train/reward", 1, kStart + 61, 7).ok());
  EXPECT_EQ(Contents(events->path()),
            Contents(kGoldens + "events.out.tfevents.1700000060.host.1.0"));
}

// The golden's reading by TensorBoard: all that was written, and nothing forgotten but from the
// step that the second file goes on at.
TEST(EventFileTest, TensorBoardReadsItBack) {
  const auto read = nlohmann::json::parse(Contents(kGoldens + "read.json"));
  const auto& rewards = read["scalars"]["train/reward"];
  ASSERT_EQ(rewards.size(), 4u);
  EXPECT_EQ(rewards[1], nlohmann::json::parse(R"([1, 1700000002.25, "-2.5"])"));
  EXPECT_EQ(rewards[3][0], int64_t{1} << 40);
  EXPECT_EQ(read["images"]["validation/größe"], nlohmann::json::parse("[[300, 7, 5]]"));
  EXPECT_EQ(read["hparams"],
            nlohmann::json::parse(R"({"lr": 0.002, "ema": false, "objective": "größe"})"));
  EXPECT_EQ(read["text"], nlohmann::json::parse(R"([[3, "    lr  0.002\n"]])"));
  EXPECT_EQ(read["steps_after_resume_at_1"], nlohmann::json::parse("[0, 1]"));
}

TEST(EventFileTest, ATornLastRecordLeavesTheOthers) {
  const TemporaryFolder folder;
  const std::string file = Contents(WriteSample(folder.path()));
  const std::vector<std::string> all = Records(file);
  ASSERT_THAT(all, SizeIs(7));
  for (size_t lost = 1; lost <= all.back().size() + 16; ++lost) {
    EXPECT_THAT(Records(file.substr(0, file.size() - lost)), SizeIs(6)) << lost;
  }
}

TEST(EventFileTest, EachOpenBeginsAFileOfItsOwn) {
  const TemporaryFolder folder;
  const std::string first = WriteSample(folder.path()), second = WriteSample(folder.path());
  EXPECT_NE(first, second);
  EXPECT_EQ(Contents(first), Contents(second));
  for (const std::string& name : folder.Names())
    EXPECT_TRUE(name.starts_with("events.out.tfevents.1700000000.")) << name;
}

TEST(EventFileTest, TagsArePrintableUtf8) {
  const TemporaryFolder folder;
  absl::StatusOr<EventFile> events = EventFile::Open(folder.path(), kStart);
  ASSERT_TRUE(events->AddScalar("a\xFF\n", 1, kStart, std::numeric_limits<double>::max()).ok());
  const std::string file = Contents(events->path());
  EXPECT_NE(file.find("a\\xff\\x0a"), std::string::npos);
  EXPECT_NE(file.find(std::string("\x15\0\0\x80\x7F", 5)), std::string::npos);  // infinity
}

TEST(EventFileTest, MakesItsFolderOrSaysWhyNot) {
  const TemporaryFolder folder;
  EXPECT_TRUE(std::filesystem::exists(WriteSample(folder / "a/b")));
  EXPECT_THAT(EventFile::Open(folder.Write("file", ""), kStart), FailsWith("/file: can't"));
}

}  // namespace
}  // namespace draftp
