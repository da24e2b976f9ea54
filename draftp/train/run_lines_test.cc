// What counts of a run's logs, and what is said of the rest.
#include "draftp/train/run_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "draftp/io/test_files.h"
#include "draftp/testing/corruption.h"

namespace draftp {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

constexpr char kGood[] =
    R"({"step": 1, "reward": 30.5, "rewards": {"a": 1, "b": null}, "skipped": false})"
    "\n"
    R"({"step": 3, "reward": null, "rewards": {"a": 2}, "text": "x"})"
    "\n";

TEST(RunLinesTest, AreSeriesOverSteps) {
  const RunLines lines = ParseRunLines("log.jsonl", kGood);
  EXPECT_EQ(lines.warning, "");
  EXPECT_THAT(lines.steps, ElementsAre(1, 3));
  EXPECT_THAT(lines["rewards/a"].step, ElementsAre(1, 3));
  EXPECT_THAT(lines["rewards/a"].value, ElementsAre(1, 2));
  EXPECT_EQ(lines["reward"].value.at(0), 30.5);
  EXPECT_TRUE(std::isnan(lines["reward"].value.at(1)));
  EXPECT_THAT(lines["rewards/b"].value, ElementsAre(::testing::IsNan()));
  EXPECT_THAT(lines["text"].step, IsEmpty());
  EXPECT_THAT(lines["skipped"].step, IsEmpty());
  EXPECT_EQ(lines.Last("rewards/a"), 2);
  EXPECT_TRUE(std::isnan(lines.Last("rewards/b")));  // the last line has none
  EXPECT_TRUE(std::isnan(RunLines().Last("reward")));
}

TEST(RunLinesTest, ALineThatIsNoneIsPassedOverAndNamed) {
  for (const char* line :
       {"lr raised here", "{\"step\": ", "3", "[1]", "{}", "{\"step\": \"4\"}", "{\"step\": 4.5}",
        "{\"step\": -1}", "{\"step\": 18446744073709551615}", "{\"step\": 3}", "{\"step\": 1e3}",
        "{\"step\": 4, \"step\": 5}", "{\"step\": 4, \"x\": 1e999}", ""}) {
    const RunLines lines =
        ParseRunLines("log.jsonl", std::string(kGood) + line + "\n{\"step\": 9, \"reward\": 7}\n");
    EXPECT_THAT(lines.steps, ElementsAre(1, 3, 9)) << line;
    EXPECT_THAT(lines.warning, AllOf(HasSubstr("log.jsonl: line 3: "), HasSubstr("passed over")))
        << line;
    EXPECT_EQ(lines.Last("reward"), 7) << line;
  }
  EXPECT_THAT(ParseRunLines("a", "x\ny\nz").warning, HasSubstr("; it and 2 more lines are passed"));
}

TEST(RunLinesTest, LongLinesAndManyKeysAreBounded) {
  EXPECT_THAT(ParseRunLines("a", std::string(2 << 20, '[')).warning, HasSubstr("2097152 bytes"));
  std::string line = "{\"step\": 1";
  for (int i = 0; i < 1000; ++i) line += ", \"k" + std::to_string(i) + "\": 1";
  EXPECT_EQ(ParseRunLines("a", line + "}").series.size(), 256u);
}

TEST(RunLinesTest, AnAbsentFileHasNoLines) {
  const TemporaryFolder folder;
  EXPECT_EQ(ReadRunLines(folder / "log.jsonl").warning, "");
  EXPECT_THAT(ReadRunLines(folder.path()).warning, HasSubstr(folder.path()));
}

TEST(RunLinesTest, SurviveDamagedFiles) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("log.jsonl", kGood);
  testing::ExpectSurvivesDamage(path, {.may_be_absent = true, .may_be_empty = true}, [&] {
    const std::string warning = ReadRunLines(path).warning;
    return warning.empty() ? absl::OkStatus() : absl::DataLossError(warning);
  });
}

}  // namespace
}  // namespace draftp
