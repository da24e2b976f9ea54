#include "draftp/run/plan_text.h"

#include <gtest/gtest.h>

#include <string>

namespace draftp {
namespace {

TEST(PlanTextTest, TablesHaveUnitsAndNoEmptyRows) {
  EXPECT_EQ(PlanTable("memory", {{"weights", 3 << 20}, {"moving average", 0}}),
            "memory  weights" + std::string(40, ' ') + "  3.00 MiB\n");
}

TEST(PlanTextTest, SaysTimesInTheirTwoLargestUnits) {
  EXPECT_EQ(FormatSeconds(0.424), "0.42 s");
  EXPECT_EQ(FormatSeconds(42.4), "42 s");
  EXPECT_EQ(FormatSeconds(725), "12 min 5 s");
  EXPECT_EQ(FormatSeconds(12000), "3 h 20 min");
  EXPECT_EQ(FormatSeconds(187300), "2 d 4 h");
}

}  // namespace
}  // namespace draftp
