#include "draftp/run/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <sstream>

#include "draftp/io/display_width.h"

namespace draftp {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ProgressTest : public ::testing::Test {
 protected:
  Progress Make(bool terminal) {
    line_.emplace(out_, LiveLine::Options{.terminal = terminal, .columns = [] { return 80; }});
    return Progress(*line_,
                    {.total_images = 8, .total_work = 400, .seconds = [this] { return now_; }});
  }
  double now_ = 100;
  std::ostringstream out_;
  std::optional<LiveLine> line_;
};

TEST_F(ProgressTest, TellsShareRateAndTimeLeft) {
  Progress progress = Make(/*terminal=*/false);
  progress.SetLabel("linear");
  now_ += 20;
  progress.AddImages(2);
  out_.str("");
  now_ += 30;  // a quarter of the work in 50 s: 150 s are left, 8 images in 200 s
  progress.AddWork(100);
  EXPECT_THAT(out_.str(), HasSubstr("linear"));
  EXPECT_THAT(out_.str(), HasSubstr(" 25%  2/8 images  0.04 images/s  ETA 2:30  linear\n"));
}

TEST_F(ProgressTest, RedrawsInPlaceOnATerminalAndSeldom) {
  Progress progress = Make(/*terminal=*/true);
  now_ += 1;
  progress.AddWork(1);
  const size_t once = out_.str().size();
  EXPECT_THAT(out_.str(), StartsWith("\r"));
  now_ += 0.05;
  progress.AddWork(1);
  EXPECT_EQ(out_.str().size(), once);
}

TEST_F(ProgressTest, WorkCutShortLeavesNoOpenLine) {
  {
    Progress progress = Make(/*terminal=*/true);
    now_ += 1;
    progress.AddWork(1);
    EXPECT_FALSE(out_.str().ends_with('\n'));
    line_.reset();
  }
  EXPECT_TRUE(out_.str().ends_with("images/s  ETA 6:39\n")) << out_.str();
}

TEST_F(ProgressTest, PlainLinesComeEveryTenSecondsAndAtTheEnd) {
  Progress progress = Make(/*terminal=*/false);
  now_ += 9;
  progress.AddWork(399);
  EXPECT_EQ(out_.str(), "");
  progress.AddWork(1);
  progress.AddImages(8);
  progress.Finish();
  EXPECT_THAT(out_.str(), HasSubstr("100%  8/8 images  0.89 images/s  in 9.0 s\n"));
}

TEST_F(ProgressTest, WhatIsKeptCountsInNoRate) {
  Progress progress = Make(/*terminal=*/false);
  progress.SetLabel("linear");
  progress.Keep(4, 200);
  now_ += 20;  // half of the other half
  progress.AddImages(2);
  progress.AddWork(100);
  out_.str("");
  now_ += 10;
  progress.AddWork(0);
  EXPECT_THAT(out_.str(), HasSubstr(" 75%  6/8 images  4 kept  0.07 images/s  ETA 0:30  linear\n"));
}

TEST_F(ProgressTest, NothingDrawnHasNeitherRateNorTime) {
  Progress progress = Make(/*terminal=*/false);
  progress.Keep(8, 400);
  now_ += 0.001;
  progress.Finish();
  EXPECT_EQ(out_.str(), "[########################]  100%  8/8 images  8 kept\n");
}

TEST_F(ProgressTest, FitsEveryTerminal) {
  for (const int columns : {40, 60, 80, 120}) {
    out_.str("");
    LiveLine line(out_, {.terminal = true, .columns = [=] { return columns; }});
    Progress progress(line,
                      {.total_images = 48, .total_work = 400, .seconds = [this] { return now_; }});
    progress.SetLabel("interval(0.3,0.5,clamp(linear,0,1))");
    now_ += 3000;
    progress.AddWork(150);
    EXPECT_LT(DisplayWidth(out_.str().substr(1)), columns) << out_.str();
    EXPECT_THAT(out_.str(), HasSubstr(" 37%  0/48 images"));
    EXPECT_THAT(out_.str(), HasSubstr("ETA 1:23:20"));
  }
}

TEST(FormatElapsedTest, ShortTimesAreNotRoundedUp) {
  EXPECT_EQ(FormatElapsed(0.31), "0.3 s");
  EXPECT_EQ(FormatElapsed(9.94), "9.9 s");
  EXPECT_EQ(FormatElapsed(9.96), "0:10");
  EXPECT_EQ(FormatElapsed(75.4), "1:15");
}

TEST(FormatDurationTest, HoursAppearWhenThereAreSome) {
  EXPECT_EQ(FormatDuration(75), "1:15");
  EXPECT_EQ(FormatDuration(0.2), "0:01");
  EXPECT_EQ(FormatDuration(3725), "1:02:05");
}

}  // namespace
}  // namespace draftp
