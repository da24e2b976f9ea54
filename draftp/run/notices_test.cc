// Tests of what a user reads while a program runs.
#include "draftp/run/notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <sstream>
#include <string>

namespace draftp {
namespace {

using ::testing::HasSubstr;

TEST(NoticesTest, EachBeginsWithItsProgram) {
  std::ostringstream out;
  Notices notices(out, {.program = "draw"});
  notices.Note("a");
  notices.Warn("b");
  notices.Say("c\nd\n");
  notices.Result("e");
  EXPECT_EQ(out.str(), "draw: a\ndraw: warning: b\nc\nd\ne\n");
}

TEST(NoticesTest, NothingIsGluedToTheLiveLine) {
  std::ostringstream out;
  Notices notices(out, {.program = "draw", .terminal = true});
  notices.live().Draw({{.text = "1/2"}}, 1);
  notices.Warn("b");
  notices.live().Draw({{.text = "2/2"}}, 2);
  notices.Result("e");
  EXPECT_EQ(out.str(), "\r1/2\ndraw: warning: b\n\r2/2\ne\n");
}

TEST(NoticesTest, ManyOfAKindAreCounted) {
  std::ostringstream out;
  std::optional<Notices> notices;
  notices.emplace(out, Notices::Options{.program = "draw"});
  for (int round = 0; round < 3; ++round) {
    for (int caption = 0; caption < 47; ++caption)
      notices->WarnEach(CutCaptions(), "caption " + std::to_string(caption));
  }
  std::string expected;
  for (int caption = 0; caption < 10; ++caption)
    expected += "draw: warning: caption " + std::to_string(caption) + "\n";
  EXPECT_EQ(out.str(), expected);
  notices->Result("done");
  expected += "draw: warning: ... and 37 more captions were cut\ndone\n";
  EXPECT_EQ(out.str(), expected);
  notices.reset();
  EXPECT_EQ(out.str(), expected);
}

TEST(NoticesTest, ARunThatFailsCountsToo) {
  std::ostringstream out;
  {
    Notices notices(out, {.program = "draw"});
    for (int caption = 0; caption < 11; ++caption)
      notices.WarnEach(CutCaptions(), "caption " + std::to_string(caption));
  }
  EXPECT_THAT(out.str(), HasSubstr("\ndraw: warning: ... and 1 more caption was cut\n"));
}

TEST(NoticesTest, QuietKeepsWarningsAndTheResult) {
  std::ostringstream out;
  Notices notices(out, {.program = "draw", .terminal = true, .quiet = true});
  notices.Note("a");
  notices.Say("c");
  notices.live().Draw({{.text = "1/2"}}, 1);
  notices.Warn("b");
  notices.Result("e");
  EXPECT_EQ(out.str(), "draw: warning: b\ne\n");
}

}  // namespace
}  // namespace draftp
