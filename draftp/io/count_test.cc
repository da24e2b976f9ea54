// Tests of counted nouns.
#include "draftp/io/count.h"

#include <gtest/gtest.h>

namespace draftp {
namespace {

TEST(CountTest, OneIsSingular) {
  EXPECT_EQ(Count(0, "picture"), "0 pictures");
  EXPECT_EQ(Count(1, "picture"), "1 picture");
  EXPECT_EQ(Count(2, "picture"), "2 pictures");
}

}  // namespace
}  // namespace draftp
