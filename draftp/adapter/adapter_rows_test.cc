#include "draftp/adapter/adapter_rows.h"

#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(AdapterRowsTest, AllRowsReachTheLastOfAnyBatch) {
  const AdapterRows rows = OnAllRows(1, 0.5);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0], (AdapterRange{.adapter = 1, .begin = 0, .end = kToLastRow, .scale = 0.5}));
  EXPECT_EQ(EndRow(rows[0], 7), 7);
}

TEST(AdapterRowsTest, ARangeEndsWhereItSays) {
  EXPECT_EQ(EndRow({.adapter = 0, .begin = 1, .end = 3}, 7), 3);
}

TEST(AdapterRowsTest, RejectsARangeThatLeavesTheBatch) {
  EXPECT_THROW(EndRow({.adapter = 0, .begin = 0, .end = 8}, 7), c10::Error);
  EXPECT_THROW(EndRow({.adapter = 0, .begin = -1, .end = 3}, 7), c10::Error);
  EXPECT_THROW(EndRow({.adapter = 0, .begin = 4, .end = 3}, 7), c10::Error);
  EXPECT_THROW(EndRow({.adapter = 0, .begin = 8}, 7), c10::Error);
}

TEST(AdapterRowsTest, EqualityNoticesEveryMember) {
  const AdapterRange range{.adapter = 1, .begin = 2, .end = 3, .scale = 4};
  EXPECT_EQ(range, (AdapterRange{.adapter = 1, .begin = 2, .end = 3, .scale = 4}));
  EXPECT_NE(range, (AdapterRange{.adapter = 0, .begin = 2, .end = 3, .scale = 4}));
  EXPECT_NE(range, (AdapterRange{.adapter = 1, .begin = 1, .end = 3, .scale = 4}));
  EXPECT_NE(range, (AdapterRange{.adapter = 1, .begin = 2, .end = 4, .scale = 4}));
  EXPECT_NE(range, (AdapterRange{.adapter = 1, .begin = 2, .end = 3, .scale = 1}));
}

}  // namespace
}  // namespace draftp
