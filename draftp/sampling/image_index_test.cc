// Tests of the global image index.
#include "draftp/sampling/image_index.h"

#include <gtest/gtest.h>

namespace draftp::testing {
namespace {

TEST(ImageIndexTest, IsPromptMajor) {
  int64_t index = 0;
  for (int64_t prompt = 0; prompt < 3; ++prompt) {
    for (int64_t copy = 0; copy < 4; ++copy, ++index) {
      EXPECT_EQ(GlobalImageIndex(prompt, copy, 4), index);
      EXPECT_EQ(PromptOfImage(index, 4), prompt);
    }
  }
}

}  // namespace
}  // namespace draftp::testing
