// The program's output, warnings and exit status.
#include "tools/tokenize_tool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "draftp/testing/text_files.h"

namespace draftp {
namespace {

using testing::TestFolder;

struct Result {
  int status;
  std::string out, err;
};

Result RunTool(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "tokenize");
  std::ostringstream out, err;
  const int status = TokenizeMain(static_cast<int>(arguments.size()), arguments.data(), out, err);
  return {status, out.str(), err.str()};
}

TEST(TokenizeToolTest, PrintsALineOfIdsForEachCaption) {
  const TestFolder folder;
  const std::string prompts = folder.Write("prompts.txt", "a star\n\na star\n");
  const Result result = RunTool({"--tokenizer", testing::kTiny2, "--prompts", prompts.c_str()});
  std::string line = "736 320 571 737";
  for (int i = 4; i < 77; ++i) line += " 0";
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, line + "\n" + line + "\n");
  EXPECT_EQ(result.err, "");
}

TEST(TokenizeToolTest, WarnsOfCutCaptions) {
  const TestFolder folder;
  std::string caption = "a";
  for (int i = 0; i < 75; ++i) caption += " a";
  const std::string prompts = folder.Write("prompts.txt", "a\n" + caption + "\n");
  const Result result = RunTool({"--tokenizer", testing::kTiny, "--prompts", prompts.c_str()});
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("caption 2"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("found 76 tokens, used the first 75"), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
}

TEST(TokenizeToolTest, FailsInOneLineWithStatus1) {
  const Result result = RunTool({"--tokenizer", "nowhere", "--prompts", "none.txt"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("nowhere/vocab.json"), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
}

TEST(TokenizeToolTest, WrongUsageHasStatus2AndOneLine) {
  for (const auto& arguments :
       std::vector<std::vector<const char*>>{{},
                                             {"--tokenizer", "x"},
                                             {"--tokenizer", "x", "--prompts", "y", "--unknown"},
                                             {"--prompts"}}) {
    const Result result = RunTool(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST(TokenizeToolTest, HelpNamesTheFlags) {
  const Result result = RunTool({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.out.find("--tokenizer DIR"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("--prompts FILE"), std::string::npos) << result.out;
}

TEST(TokenizeToolTest, ReportsOutputThatCannotBeWritten) {
  const TestFolder folder;
  const TokenizeOptions options{testing::kTiny, folder.Write("prompts.txt", "a\n")};
  std::ostringstream out, warnings;
  out.setstate(std::ios::badbit);
  testing::ExpectError(RunTokenize(options, out, warnings), "output", "found a write error");
}

}  // namespace
}  // namespace draftp
