// Tests of a value or the reason why there is none.
#include "draftp/schedule/parsed.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace draftp {
namespace {

TEST(ParsedTest, HoldsAValue) {
  const Parsed<std::string> parsed(std::string("cat"));
  EXPECT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, "cat");
  EXPECT_EQ(parsed->size(), 3u);
  EXPECT_EQ(parsed.error(), "");
}

TEST(ParsedTest, HoldsAnError) {
  const Parsed<std::string> parsed(ParseError{"no cat"});
  EXPECT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error(), "no cat");
}

TEST(ParsedTest, ThrowsItsMessageWhenAskedForAMissingValue) {
  const Parsed<int> parsed(ParseError{"no number"});
  try {
    static_cast<void>(parsed.value());
    FAIL() << "expected an exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "no number");
  }
}

TEST(ParsedTest, GivesUpAMoveOnlyValue) {
  Parsed<std::unique_ptr<int>> parsed(std::make_unique<int>(7));
  const std::unique_ptr<int> number = *std::move(parsed);
  EXPECT_EQ(*number, 7);
}

}  // namespace
}  // namespace draftp
