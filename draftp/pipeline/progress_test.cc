#include "draftp/pipeline/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace draftp {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ProgressTest : public ::testing::Test {
 protected:
  Progress Make(bool terminal) {
    return Progress(out_,
                    {.total_images = 8, .total_work = 400, .terminal = terminal, .seconds = [this] {
                       return now_;
                     }});
  }
  double now_ = 100;
  std::ostringstream out_;
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
  EXPECT_THAT(out_.str(), HasSubstr(" 25%  2/8 images  0.04 images/s  ETA 2:30\n"));
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
  EXPECT_THAT(out_.str(), HasSubstr("100%  8/8 images  0.89 images/s  in 0:09\n"));
}

TEST(FormatDurationTest, HoursAppearWhenThereAreSome) {
  EXPECT_EQ(FormatDuration(75), "1:15");
  EXPECT_EQ(FormatDuration(0.2), "0:01");
  EXPECT_EQ(FormatDuration(3725), "1:02:05");
}

}  // namespace
}  // namespace draftp
