// The hint for a misspelt name.
#include "draftp/io/nearest_name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace draftp {
namespace {

const std::vector<std::string> kNames = {"guidance_scale", "seed", "steps", "width"};

TEST(NearestNameTest, FindsInsertedDeletedAndReplacedLetters) {
  EXPECT_EQ(NearestName("step", kNames), "steps");
  EXPECT_EQ(NearestName("stepss", kNames), "steps");
  EXPECT_EQ(NearestName("guidance-scale", kNames), "guidance_scale");
  EXPECT_EQ(NearestName("seed", kNames), "seed");
}

TEST(NearestNameTest, SaysNothingWhenNoneIsNear) {
  EXPECT_EQ(NearestName("precision", kNames), std::nullopt);
  EXPECT_EQ(NearestName("x", std::vector<std::string>{}), std::nullopt);
}

TEST(NearestNameTest, TakesTheFirstOfEquals) {
  EXPECT_EQ(NearestName("abcx", std::vector<std::string>{"abca", "abcb"}), "abca");
}

TEST(NearestNameTest, PassesOverHugeNames) {
  const std::string huge(1'000'000, 'a');
  EXPECT_EQ(NearestName(huge, kNames), std::nullopt);
  EXPECT_EQ(NearestName("seeds", std::vector<std::string>{huge, "seed"}), "seed");
}

}  // namespace
}  // namespace draftp
