// Lines that stay and go when a run resumes.
#include "draftp/report/line_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "draftp/io/atomic_file.h"
#include "draftp/io/test_files.h"
#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using testing::Contents;
using testing::FailsWith;
using testing::TemporaryFolder;

std::string Steps(int64_t begin, int64_t end) {
  std::string lines;
  for (int64_t step = begin; step < end; ++step)
    lines += "{\"step\": " + std::to_string(step) + ", \"reward\": 0.5}\n";
  return lines;
}

// What a log of `contents` becomes when the run goes on at `first_step`.
std::string Resumed(const std::string& contents, int64_t first_step) {
  const TemporaryFolder folder;
  const auto log = LineLog::Open(folder.Write("log.jsonl", contents), first_step);
  EXPECT_TRUE(log.ok()) << log.status();
  return Contents(folder / "log.jsonl");
}

TEST(LineLogTest, BeginsAndAppendsLines) {
  const TemporaryFolder folder;
  absl::StatusOr<LineLog> log = LineLog::Open(folder / "log.jsonl", 0);
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_TRUE(log->Write("{\"step\": 0}").ok());
  EXPECT_EQ(Contents(folder / "log.jsonl"), "{\"step\": 0}\n");
  ASSERT_TRUE(log->Write("{\"step\": 1}").ok());
  EXPECT_EQ(Contents(folder / "log.jsonl"), "{\"step\": 0}\n{\"step\": 1}\n");
}

TEST(LineLogTest, KeepsTheLinesBelowTheStepThatItGoesOnWith) {
  EXPECT_EQ(Resumed(Steps(0, 10), 7), Steps(0, 7));
  EXPECT_EQ(Resumed(Steps(0, 10), 10), Steps(0, 10));
  EXPECT_EQ(Resumed(Steps(0, 10), 0), "");
  EXPECT_EQ(Resumed("", 5), "");
}

TEST(LineLogTest, KeepsLinesWithoutAStep) {
  const std::string head = "{\"run\": \"a\"}\n";
  EXPECT_EQ(Resumed(head + Steps(0, 3) + head + Steps(3, 5), 2), head + Steps(0, 2) + head);
}

TEST(LineLogTest, DropsATornLastLine) {
  const std::string lines = Steps(0, 3);
  const size_t last = Steps(0, 2).size();
  for (size_t size = last; size < lines.size(); ++size) {
    EXPECT_EQ(Resumed(lines.substr(0, size), 10), Steps(0, 2)) << size;
  }
}

TEST(LineLogTest, GoesOnBehindWhatItKept) {
  const TemporaryFolder folder;
  absl::StatusOr<LineLog> log = LineLog::Open(folder.Write("log.jsonl", Steps(0, 5)), 3);
  ASSERT_TRUE(log->Write("{\"step\": 3}").ok());
  EXPECT_EQ(Contents(folder / "log.jsonl"), Steps(0, 3) + "{\"step\": 3}\n");
}

TEST(LineLogTest, AFileWhoseLinesAllStayIsNotRewritten) {
  const TemporaryFolder folder;
  const testing::ScopedWriteFault full(ENOSPC, 0);  // of AtomicFile
  EXPECT_TRUE(LineLog::Open(folder.Write("log.jsonl", Steps(0, 5)), 5).ok());
}

TEST(LineLogTest, AFullDiskLeavesTheOldFile) {
  const TemporaryFolder folder;
  const testing::ScopedWriteFault full(ENOSPC, 10);
  EXPECT_THAT(LineLog::Open(folder.Write("log.jsonl", Steps(0, 5)), 3),
              FailsWith("log.jsonl: can't write: No space left"));
  EXPECT_EQ(Contents(folder / "log.jsonl"), Steps(0, 5));
  EXPECT_EQ(folder.Names().size(), 1u);
}

TEST(LineLogTest, LinesThatAreNoneMoveAsideWithAWarning) {
  for (const auto& [line, what] :
       {std::pair<std::string, const char*>("lr raised here", "line 2: isn't valid JSON"),
        {"{\"step\": ", "line 2: isn't valid JSON"},
        {"", "line 2: isn't valid JSON"},
        {"3", "line 2: found number, expected an object"},
        {"{\"step\": \"3\"}", "line 2: key step: found string"},
        {"{\"step\": -1}", "line 2: key step: found -1, expected 0 to 900"},
        {"{\"step\": 9007199254740993}", "line 2: key step: found 900"},
        {"{\"step\": 18446744073709551615}", "line 2: key step: found 184"},
        {"{\"step\": -9223372036854775808}", "line 2: key step: found -922"},
        {std::string(2 << 20, ' '), "line 2: found 2097152 bytes"}}) {
    const TemporaryFolder folder;
    const std::string path =
        folder.Write("log.jsonl", Steps(0, 1) + line + "\n" + Steps(1, 2) + line + "\n");
    {
      const auto log = LineLog::Open(path, 5);
      ASSERT_TRUE(log.ok()) << log.status();
      EXPECT_THAT(log->warning(),
                  ::testing::AllOf(
                      ::testing::HasSubstr(what),
                      ::testing::EndsWith("; the line and 1 more moved to " + path + ".damaged")));
    }
    EXPECT_EQ(Contents(path), Steps(0, 2));
    EXPECT_EQ(Contents(path + ".damaged"), line + "\n" + line + "\n");
    EXPECT_EQ(LineLog::Open(path, 5)->warning(), "");  // once
  }
}

TEST(LineLogTest, AFullDiskLosesNoDamagedLine) {
  const TemporaryFolder folder;
  const std::string contents = Steps(0, 1) + "text\n";
  const std::string path = folder.Write("log.jsonl", contents);
  const testing::ScopedWriteFault full(ENOSPC, 2);
  EXPECT_FALSE(LineLog::Open(path, 5).ok());
  EXPECT_EQ(Contents(path), contents);
}

TEST(LineLogTest, RejectsALineEndWithinALine) {
  const TemporaryFolder folder;
  EXPECT_THAT(LineLog::Open(folder / "new", 0)->Write("a\nb"),
              FailsWith("found a line end within"));
}

TEST(LineLogTest, FollowsNoLink) {
  const TemporaryFolder folder;
  folder.Write("elsewhere", Steps(0, 5));
  std::filesystem::create_symlink(folder / "elsewhere", folder / "log.jsonl");
  EXPECT_THAT(LineLog::Open(folder / "log.jsonl", 2),
              FailsWith("log.jsonl: found a symbolic link"));
  EXPECT_EQ(Contents(folder / "elsewhere"), Steps(0, 5));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "log.jsonl"));
}

// Opening changes a file, so a copy of each variant is opened, where there can be one.
TEST(LineLogTest, SurvivesDamagedFiles) {
  const TemporaryFolder folder, copies;
  const std::string path = folder.Write("log.jsonl", Steps(0, 20));
  const testing::DamagePlan plan{
      .may_be_absent = true, .may_be_empty = true, .named = "/log.jsonl"};
  testing::ExpectSurvivesDamage(path, plan, [&] {
    std::error_code none;
    if (!std::filesystem::is_regular_file(path, none)) return LineLog::Open(path, 10).status();
    return LineLog::Open(copies.Write("log.jsonl", Contents(path)), 10).status();
  });
}

}  // namespace
}  // namespace draftp
