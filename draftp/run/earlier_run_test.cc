#include "draftp/run/earlier_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "draftp/io/test_files.h"

namespace draftp {
namespace {

using ::testing::ElementsAre;
using testing::TemporaryFolder;

TEST(EarlierRun, IsNoneInFoldersWithoutResults) {
  const TemporaryFolder folder;
  EXPECT_FALSE(ReadEarlierRun(folder.path()));
  EXPECT_FALSE(ReadEarlierRun(folder / "gone"));
  folder.Write("notes.txt", "mine");
  std::filesystem::create_directories(folder / "annealed_outputs_sdxl_base");  // empty
  folder.Write("annealed_outputs_sdxl_base/.img_00000_00.png.draftp-tmp.1.2", "half");
  folder.Write("log.jsonl", "");
  folder.Write("run.json", R"({"program": "anneal", "config": {}})");  // killed at once
  EXPECT_FALSE(ReadEarlierRun(folder.path()));
}

TEST(EarlierRun, TellsProgramTypesAndIdentity) {
  const TemporaryFolder folder;
  folder.Write("run.json",
               R"({"program": "anneal", "config": {"weight_type": ["base", "draft"]},
                   "identity": {"settings": {"steps": "2"}, "inputs": {}}, "result": {"a": 1}})");
  const auto run = ReadEarlierRun(folder.path());
  ASSERT_TRUE(run);
  EXPECT_EQ(run->program, "anneal");
  EXPECT_THAT(run->weight_types, ElementsAre("base", "draft"));
  ASSERT_TRUE(run->identity);
  EXPECT_EQ(run->identity->settings.at("steps"), "2");
}

TEST(EarlierRun, IsUnknownWhereResultsHaveNoRecordOrABadOne) {
  for (const char* record : {"", "[", "[]", "{}", R"({"program": 3, "identity": []})"}) {
    const TemporaryFolder folder;
    std::filesystem::create_directories(folder / "annealed_outputs_sdxl_base");
    folder.Write("annealed_outputs_sdxl_base/img_00000_00.png", "x");
    if (*record != '\0') folder.Write("run.json", record);
    const auto run = ReadEarlierRun(folder.path());
    ASSERT_TRUE(run) << record;
    EXPECT_EQ(run->program, "");
    EXPECT_FALSE(run->identity);
  }
}

}  // namespace
}  // namespace draftp
