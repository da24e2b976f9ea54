// Tests of the line that long work keeps up to date.
#include "draftp/run/live_line.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "draftp/io/display_width.h"

namespace draftp {
namespace {

std::vector<LiveField> Fields(const std::string& text) { return {{.text = text}}; }

class LiveLineTest : public ::testing::Test {
 protected:
  LiveLine Terminal() {
    return LiveLine(out_, {.terminal = true, .columns = [this] { return columns_; }});
  }
  int columns_ = 80;
  std::ostringstream out_;
};

TEST_F(LiveLineTest, IsRedrawnInPlaceAndCoversALongerOne) {
  LiveLine line = Terminal();
  line.Begin(0);
  EXPECT_FALSE(line.Due(0.05));
  EXPECT_TRUE(line.Due(0.1));
  line.Draw(Fields("läng"), 1);
  EXPECT_FALSE(line.Due(1.05));
  line.Draw(Fields("b"), 2);
  line.End();
  line.End();
  EXPECT_EQ(out_.str(), "\rläng\rb   \n");
}

TEST_F(LiveLineTest, StaysWithinTheTerminalAsItIsNow) {
  LiveLine line = Terminal();
  const std::string text(200, 'x');
  columns_ = 40;
  line.Draw(Fields(text), 1);
  EXPECT_EQ(out_.str(), "\r" + std::string(36, 'x') + "...");
  columns_ = 60;
  out_.str("");
  line.Draw(Fields(text), 2);
  EXPECT_EQ(out_.str(), "\r" + std::string(56, 'x') + "...");
  columns_ = 50;
  out_.str("");
  line.Draw(Fields(text), 3);  // the terminal has wrapped the wider one
  EXPECT_EQ(out_.str(), "\n\r" + std::string(46, 'x') + "...");
}

TEST_F(LiveLineTest, IsLinesWhereNobodyWatches) {
  LiveLine line(out_, {.columns = [] { return 3; }});
  line.Begin(0);
  EXPECT_FALSE(line.Due(9.9));
  line.Draw(Fields("as long as it is"), 10);
  line.End();
  EXPECT_EQ(out_.str(), "as long as it is\n");
}

TEST_F(LiveLineTest, IsNothingWhereSilenceIsAskedFor) {
  LiveLine line(out_, {.terminal = true, .quiet = true});
  line.Draw(Fields("a"), 10);
  line.End();
  EXPECT_EQ(out_.str(), "");
}

TEST(FitFieldsTest, DropsTheLeastImportantUntilItFits) {
  const std::vector<LiveField> fields = {{.text = "step 1/2", .rank = 0},
                                         {.text = "reward 1.5", .rank = 1},
                                         {.text = "KL 0.1", .rank = 3},
                                         {.text = "ETA 0:10", .rank = 2}};
  EXPECT_EQ(FitFields(fields, 100), "step 1/2  reward 1.5  KL 0.1  ETA 0:10");
  EXPECT_EQ(FitFields(fields, 37), "step 1/2  reward 1.5  ETA 0:10");
  EXPECT_EQ(FitFields(fields, 29), "step 1/2  reward 1.5");
  EXPECT_EQ(FitFields(fields, 10), "step 1/2");
  EXPECT_EQ(FitFields(fields, 6), "ste...");
  EXPECT_EQ(FitFields({}, 6), "");
}

TEST(FitFieldsTest, ABarTakesTheRoomThatIsLeft) {
  const std::vector<LiveField> fields = {{.rank = 1, .bar = 0.5}, {.text = "50%"}};
  EXPECT_EQ(FitFields(fields, 100), "[############............]  50%");
  EXPECT_EQ(FitFields(fields, 17), "[#####.....]  50%");
  EXPECT_EQ(FitFields(fields, 14), "50%");
  for (int columns = 0; columns < 60; ++columns)
    EXPECT_LE(DisplayWidth(FitFields(fields, columns)), columns);
}

}  // namespace
}  // namespace draftp
