// Tests of the line that long work keeps up to date.
#include "draftp/pipeline/live_line.h"

#include <gtest/gtest.h>

#include <sstream>

namespace draftp {
namespace {

TEST(LiveLine, IsRedrawnInPlaceAndCoversALongerOne) {
  std::ostringstream out;
  LiveLine line(out, /*terminal=*/true, 0);
  EXPECT_FALSE(line.Due(0.05));
  EXPECT_TRUE(line.Due(0.1));
  line.Draw("long", 1);
  EXPECT_FALSE(line.Due(1.05));
  line.Draw("b", 2);
  line.End();
  line.End();
  EXPECT_EQ(out.str(), "\rlong\rb   \n");
}

TEST(LiveLine, IsLinesWhereNobodyWatches) {
  std::ostringstream out;
  LiveLine line(out, /*terminal=*/false, 0);
  EXPECT_FALSE(line.Due(9.9));
  line.Draw("a", 10);
  line.End();
  EXPECT_EQ(out.str(), "a\n");
}

TEST(LiveLine, MovedStillEndsOnce) {
  std::ostringstream out;
  {
    LiveLine line(out, /*terminal=*/true, 0);
    line.Draw("a", 1);
    const LiveLine other(std::move(line));
  }
  EXPECT_EQ(out.str(), "\ra\n");
}

}  // namespace
}  // namespace draftp
